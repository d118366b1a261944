"""Running test source through pytest, each of its tests a case."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    from sandbox.inside.intact import conceal
    from sandbox.inside.judging import Judge
    from sandbox.inside.unittest_cases import witness

    Untyped: TypeAlias = Any  # pytest's own objects, and the solution's
else:
    from intact import conceal
    from unittest_cases import witness


def run_pytest(
    statements: Callable[[Untyped], object],
    judge: Judge,
    folder: str,
    defers: Callable[[str], bool],
    made: Mapping[str, object],
) -> None:
    """Run tests through pytest; the plugin turns its reports into cases.

    Args:
        statements: Runs the test source in the module that pytest collects from.
        judge: Decides the cases.
        folder: The scratch folder.
        defers: Whether a test function or class is only to be named.
        made: What the tests bound, as opposed to what the solution gave them.
    """
    import pytest  # noqa: PLC0415 - slow, and only for tests that use it

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-q", "--no-header", "--noconftest", "-c", "/dev/null", f"--rootdir={folder}"]
    options += [f"--confcutdir={folder}", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
    # Our own rewriting has been there before.
    options += ["--import-mode=importlib", "--assert=plain"]
    hooks = _Hooks(judge, defers, made, _collector(pytest, statements, folder))
    pytest.main(options, plugins=[_plugin(hooks)])
    hooks.finish()


def _plugin(hooks: _Hooks) -> Untyped:
    """What pytest gets to see, and with it whoever finds its list of plugins: hooks that lead nowhere."""
    plugin = type(sys)("duograph_plugin")
    for name in dir(hooks):
        if name.startswith("pytest_"):
            hook = getattr(hooks, name)
            code = hook.__func__.__code__
            # pytest calls a hook with those arguments that its code names.
            given = ", ".join(code.co_varnames[1 : code.co_argcount])
            exec(f"def {name}({given}): return hook({given})", made := {"hook": conceal(hook)})  # noqa: S102 - our own
            setattr(plugin, name, made[name])
    return plugin


def _collector(pytest: Untyped, statements: Callable[[Untyped], object], folder: str) -> Untyped:
    """What makes the collector of a module that is in memory only: a file could be changed on the way."""
    name = f"test_{os.urandom(8).hex()}"

    def make(_collector: Untyped) -> Untyped:
        module = type(sys)(name)
        vars(module)["__file__"] = f"{folder}/{name}.py"
        statements(module)
        return module

    class Source(pytest.Module):  # type: ignore[misc]
        _getobj = conceal(make)

    return lambda session: Source.from_parent(session, path=session.config.rootpath / f"{name}.py")


class _Hooks:
    """Collects from our module, and hears pytest's reports."""

    def __init__(
        self, judge: Judge, defers: Callable[[str], bool], made: Mapping[str, object], collector: Untyped
    ) -> None:
        self._judge = judge
        self._made = made
        self._defers = defers
        self._collector = collector
        self._open: set[str] = set()
        self._returned: set[str] = set()
        self._errors: dict[str, BaseException] = {}

    def pytest_collection(self, session: Untyped) -> bool:
        items = session.genitems(self._collector(session))
        theirs = [item for item in items if _origin(item) in self._made]
        session.items = [item for item in theirs if not self._is_for_later(item)]
        session.config.hook.pytest_collection_modifyitems(
            session=session, config=session.config, items=session.items
        )
        session.config.hook.pytest_collection_finish(session=session)
        session.testscollected = len(session.items)
        return True

    def _is_for_later(self, item: Untyped) -> bool:
        if not self._defers(_origin(item)):
            return False
        self._judge.defer(item.nodeid.partition("::")[2])
        return True

    def pytest_collection_finish(self, session: Untyped) -> None:
        self._open = {item.nodeid for item in session.items}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._judge.start(nodeid.partition("::")[2])

    def pytest_pyfunc_call(self, pyfuncitem: Untyped) -> bool:
        import asyncio  # noqa: PLC0415

        wanted = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001 - as pytest itself does
        outcome = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted})
        if hasattr(outcome, "__await__"):
            asyncio.run(outcome)
        elif hasattr(outcome, "__anext__"):
            self._judge.tally.count = 0
        self._returned.add(pyfuncitem.nodeid)
        return True

    def pytest_runtest_call(self, item: Untyped) -> None:
        if type(item).__name__ == "TestCaseFunction":
            # What pytest hands to unittest in the place of the method.
            witness(item, "obj", self._returned.add, item.nodeid)

    def pytest_runtest_makereport(self, item: Untyped, call: Untyped) -> None:
        if call.excinfo is not None:
            self._errors[item.nodeid] = call.excinfo.value

    def pytest_collectreport(self, report: Untyped) -> None:
        if report.failed:
            self._judge.broke("collecting the tests", _last_lines(report.longreprtext))

    def pytest_runtest_logreport(self, report: Untyped) -> None:
        name = report.nodeid.partition("::")[2]
        part = type(report).__name__ == "SubtestReport"
        if report.failed:
            self._open.discard(report.nodeid)
            self._judge.refuse(name, f"{name}: {_last_lines(report.longreprtext)}")
        elif report.skipped:
            self._open.discard(report.nodeid)
            self._skip(name, report)
        elif report.when == "call" and not part:
            self._open.discard(report.nodeid)
            if report.nodeid in self._returned:
                self._judge.came_back(name)
            else:
                self._judge.refuse(name, f"{name}: it came to no end")

    def _skip(self, name: str, report: Untyped) -> None:
        error = self._errors.get(report.nodeid)
        steers = type(error).__name__ in ("Skipped", "XFailed", "SkipTest")
        if report.when == "call" and not hasattr(report, "wasxfail"):
            # The solution itself may have raised it.
            self._judge.refuse(name, f"{name}: skipped while running")
        else:
            self._judge.skip(name, error=error if steers else None)

    def finish(self) -> None:
        """Whatever was collected and never decided has failed."""
        for nodeid in sorted(self._open):
            name = nodeid.partition("::")[2]
            self._judge.about(name)
            self._judge.refuse(name, "it was collected and never ran")


def _origin(item: Untyped) -> str:
    """The name of a test's class, or of a function without its parameters."""
    name: str = item.nodeid.partition("::")[2]
    return name.partition("::")[0].partition("[")[0]


def _last_lines(text: str) -> str:
    errors = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return "; ".join(errors[:6]) or text.strip()[-300:]
