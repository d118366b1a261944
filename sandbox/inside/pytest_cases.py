"""Running test source through pytest, each of its tests a case."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from sandbox.inside.judging import Judge

    Untyped: TypeAlias = Any  # pytest's own objects, and the solution's


def run_pytest(
    statements: Callable[[dict[str, Untyped]], object],
    judge: Judge,
    folder: str,
    defers: Callable[[str], bool],
) -> None:
    """Run tests through pytest; the plugin turns its reports into cases.

    Args:
        statements: Runs the test source in the namespace of the module that pytest collects from.
        judge: Decides the cases.
        folder: The scratch folder.
        defers: Whether a test function or class is only to be named.
    """
    import pytest  # noqa: PLC0415 - slow, and only for tests that use it

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-q", "--no-header", "--noconftest", "-c", "/dev/null", f"--rootdir={folder}"]
    options += [f"--confcutdir={folder}", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
    # Our own rewriting has been there before.
    options += ["--import-mode=importlib", "--assert=plain"]
    plugin = _Plugin(judge, defers, _collector(pytest, statements, folder))
    pytest.main(options, plugins=[plugin])
    plugin.finish()


def _collector(pytest: Untyped, statements: Callable[[dict[str, Untyped]], object], folder: str) -> Untyped:
    """What makes the collector of a module that is in memory only: a file could be changed on the way."""
    name = f"test_{os.urandom(8).hex()}"

    class Source(pytest.Module):  # type: ignore[misc]
        def _getobj(self) -> Untyped:
            module = type(sys)(name)
            sys.modules[name] = module
            vars(module)["__file__"] = f"{folder}/{name}.py"
            statements(vars(module))
            return module

    return lambda session: Source.from_parent(session, path=session.config.rootpath / f"{name}.py")


class _Plugin:
    """Collects from our module, and hears pytest's reports."""

    def __init__(self, judge: Judge, defers: Callable[[str], bool], collector: Untyped) -> None:
        self._judge = judge
        self._defers = defers
        self._collector = collector
        self._open: set[str] = set()

    def pytest_collection(self, session: Untyped) -> bool:
        items = session.genitems(self._collector(session))
        session.items = [item for item in items if not self._is_for_later(item)]
        session.config.hook.pytest_collection_modifyitems(
            session=session, config=session.config, items=session.items
        )
        session.config.hook.pytest_collection_finish(session=session)
        session.testscollected = len(session.items)
        return True

    def _is_for_later(self, item: Untyped) -> bool:
        name = item.nodeid.partition("::")[2]
        # A class is looked at as a whole, and a function without its parameters.
        if not self._defers(name.partition("::")[0].partition("[")[0]):
            return False
        self._judge.defer(name)
        return True

    def pytest_collection_finish(self, session: Untyped) -> None:
        self._open = {item.nodeid for item in session.items}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._judge.start(nodeid.partition("::")[2])

    def pytest_pyfunc_call(self, pyfuncitem: Untyped) -> bool | None:
        import asyncio  # noqa: PLC0415
        import inspect  # noqa: PLC0415

        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        wanted = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001 - as pytest itself does
        asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
        return True

    def pytest_collectreport(self, report: Untyped) -> None:
        if report.failed:
            self._judge.broke("collecting the tests", _last_lines(report.longreprtext))

    def pytest_runtest_logreport(self, report: Untyped) -> None:
        name = report.nodeid.partition("::")[2]
        if report.failed:
            self._open.discard(report.nodeid)
            self._judge.refuse(name, f"{name}: {_last_lines(report.longreprtext)}")
        elif report.skipped:
            self._open.discard(report.nodeid)
            if report.when == "call" and not hasattr(report, "wasxfail"):
                # The solution itself may have raised it.
                self._judge.refuse(name, f"{name}: skipped while running")
        elif report.when == "call":
            self._open.discard(report.nodeid)
            self._judge.came_back(name)

    def finish(self) -> None:
        """Whatever was collected and never decided has failed."""
        for nodeid in sorted(self._open):
            name = nodeid.partition("::")[2]
            self._judge.about(name)
            self._judge.refuse(name, "it was collected and never ran")


def _last_lines(text: str) -> str:
    errors = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return "; ".join(errors[:6]) or text.strip()[-300:]
