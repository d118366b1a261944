"""Running a `unittest.TestCase` class, each of its methods a case."""
# ruff: noqa: N802, N815 - the names are unittest's

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from sandbox.inside.intact import conceal
    from sandbox.inside.judging import Judge

    Untyped: TypeAlias = Any  # unittest's own objects, which this file hands on
else:
    from intact import conceal

_COROUTINE = 0x80


def run_unittest(kind: Untyped, unittest: Untyped, judge: Judge, *, defer: bool) -> None:
    """Run the class; a test that was found and never decided has failed.

    Args:
        kind: The class.
        unittest: The module.
        judge: Decides the cases.
        defer: Only name the cases, since they need the solution in their own process.
    """
    cases = _Cases(judge, unittest.TestResult)
    try:
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(kind)
        cases.waiting.update(_name(test) for test in suite)
        if defer:
            for name in cases.waiting:
                judge.defer(name)
            return
        for test in suite:
            witness(test, test._testMethodName, cases.returned.add, _name(test))  # noqa: SLF001
        # A test leads to its result, and so does whoever gets hold of one of its methods.
        heard = {
            name: conceal(getattr(cases, name)) for name in dir(cases) if name[:3] in ("sta", "sto", "add")
        }
        suite.run(type("Result", (unittest.TestResult,), heard)())
    except BaseException as error:  # noqa: BLE001 - SystemExit and worse fail as well
        judge.broke(kind.__name__, judge.detail(kind.__name__, error))
    for name in sorted(cases.waiting):
        judge.about(name)
        judge.refuse(name, f"{name}: it never ran")


def witness(test: Untyped, method: str, note: Callable[[str], object], name: str) -> None:
    """Have a test's method noted when it has come back, since an exception may steer unittest past that."""
    function = getattr(test, method)
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None or code.co_flags & _COROUTINE:
        # unittest looks at it to see what it is; its own word has to do.
        note(name)
        return

    def run() -> Untyped:
        outcome = function()
        note(name)
        return outcome

    concealed = conceal(run)

    # pytest wants a function of Python, to know its place.
    def stand_in() -> Untyped:
        return concealed()

    stand_in.__dict__.update(getattr(function, "__dict__", {}))
    setattr(test, method, stand_in)


class _Cases:
    """Turns unittest's calls of a `TestResult` into cases."""

    def __init__(self, judge: Judge, result: Untyped) -> None:
        self._judge = judge
        self._result = result
        self._decided: set[str] = set()
        self.waiting: set[str] = set()
        self.returned: set[str] = set()

    def startTest(self, result: Untyped, test: Untyped) -> None:
        self._judge.start(_name(test))
        self._result.startTest(result, test)

    def stopTest(self, result: Untyped, test: Untyped) -> None:
        name = _name(test)
        self.waiting.discard(name)
        if name not in self._decided:
            self._judge.refuse(name, f"{name}: it came to no end")
        self._result.stopTest(result, test)

    def addSuccess(self, _result: Untyped, test: Untyped) -> None:
        name = _name(test)
        self._decided.add(name)
        if name in self.returned:
            self._judge.came_back(name)
        else:
            self._judge.refuse(name, f"{name}: it came to no end")

    def addFailure(self, _result: Untyped, test: Untyped, err: Untyped) -> None:
        name = _name(test)
        self._decided.add(name)
        if hasattr(test, "_testMethodName"):
            self._judge.failed(name, err[1])
        else:
            # The class's or the module's own preparations.
            self._judge.broke(name, self._judge.detail(name, err[1]))

    addError = addFailure

    def addSubTest(self, _result: Untyped, test: Untyped, subtest: Untyped, err: Untyped) -> None:
        if err is not None:
            self._decided.add(_name(test))
            self._judge.failed(f"{_name(test)} {subtest}", err[1])

    def addSkip(self, _result: Untyped, test: Untyped, reason: str) -> None:
        name = _name(test)
        self._decided.add(name)
        if _skipped_by_its_source(test):
            self._judge.skip(name, reason)
        else:
            # The solution itself may have raised it.
            self._judge.refuse(name, f"{name}: skipped while running: {reason}")

    def addExpectedFailure(self, _result: Untyped, test: Untyped, _err: Untyped) -> None:
        """A failure that was announced shows nothing, so it is no case; pytest's xfail is none either."""
        name = _name(test)
        self._decided.add(name)
        self._judge.skip(name, "it was expected to fail")

    def addUnexpectedSuccess(self, _result: Untyped, test: Untyped) -> None:
        name = _name(test)
        self._decided.add(name)
        self._judge.refuse(name, f"{name}: unexpected success")


def _skipped_by_its_source(test: Untyped) -> bool:
    method = getattr(test, getattr(test, "_testMethodName", ""), None)
    return bool(
        getattr(type(test), "__unittest_skip__", False) or getattr(method, "__unittest_skip__", False)
    )


def _name(test: Untyped) -> str:
    return f"{type(test).__name__}.{getattr(test, '_testMethodName', '?')}"
