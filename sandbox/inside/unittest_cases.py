"""Running a `unittest.TestCase` class, each of its methods a case."""
# ruff: noqa: N802, N815 - the names are unittest's

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from sandbox.inside.judging import Judge

    Untyped: TypeAlias = Any  # unittest's own objects, which this file hands on


def run_unittest(kind: Untyped, unittest: Untyped, judge: Judge, *, defer: bool) -> None:
    """Run the class; a test that was found and never decided has failed.

    Args:
        kind: The class.
        unittest: The module.
        judge: Decides the cases.
        defer: Only name the cases, since they need the solution in their own process.
    """
    waiting: set[str] = set()
    try:
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(kind)
        waiting.update(_name(test) for test in suite)
        if defer:
            for name in waiting:
                judge.defer(name)
            return
        result = type("Result", (_Cases, unittest.TestResult), {})()
        result.judge, result.waiting = judge, waiting
        suite.run(result)
    except BaseException as error:  # noqa: BLE001 - SystemExit and worse fail as well
        judge.broke(kind.__name__, judge.detail(kind.__name__, error))
    for name in sorted(waiting):
        judge.about(name)
        judge.refuse(name, f"{name}: it never ran")


class _Cases:
    """The half of a `TestResult` that turns unittest's calls into cases."""

    judge: Judge
    waiting: set[str]

    def startTest(self, test: Untyped) -> None:
        self.judge.start(_name(test))
        super().startTest(test)  # type: ignore[misc]

    def stopTest(self, test: Untyped) -> None:
        self.waiting.discard(_name(test))
        super().stopTest(test)  # type: ignore[misc]

    def addSuccess(self, test: Untyped) -> None:
        self.judge.came_back(_name(test))

    def addFailure(self, test: Untyped, err: Untyped) -> None:
        name = _name(test)
        if hasattr(test, "_testMethodName"):
            self.judge.failed(name, err[1])
        else:
            # The class's or the module's own preparations.
            self.judge.broke(name, self.judge.detail(name, err[1]))

    addError = addFailure

    def addSubTest(self, test: Untyped, subtest: Untyped, err: Untyped) -> None:
        if err is not None:
            self.judge.failed(f"{_name(test)} {subtest}", err[1])

    def addSkip(self, test: Untyped, reason: str) -> None:
        name = _name(test)
        if not _skipped_by_its_source(test):
            # The solution itself may have raised it.
            self.judge.refuse(name, f"{name}: skipped while running: {reason}")

    def addExpectedFailure(self, test: Untyped, err: Untyped) -> None:
        """A failure that was announced shows nothing, so it is no case; pytest's xfail is none either."""

    def addUnexpectedSuccess(self, test: Untyped) -> None:
        self.judge.refuse(_name(test), f"{_name(test)}: unexpected success")


def _skipped_by_its_source(test: Untyped) -> bool:
    method = getattr(test, getattr(test, "_testMethodName", ""), None)
    return bool(
        getattr(type(test), "__unittest_skip__", False) or getattr(method, "__unittest_skip__", False)
    )


def _name(test: Untyped) -> str:
    return f"{type(test).__name__}.{getattr(test, '_testMethodName', '?')}"
