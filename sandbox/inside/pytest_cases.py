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


def run_pytest(statements: Callable[[dict[str, Untyped]], object], judge: Judge, folder: str) -> None:
    """Run tests through pytest; the plugin turns its reports into cases.

    Args:
        statements: Runs the test source in the namespace of the module that pytest imports.
        judge: Decides the cases.
        folder: The scratch folder.
    """
    import pytest  # noqa: PLC0415 - slow, and only for tests that use it

    holder = f"names_{os.urandom(8).hex()}"
    module: Untyped = type(sys)(holder)
    module.run = statements
    sys.modules[holder] = module
    path = f"{folder}/test_{holder}.py"
    with open(path, "x", encoding="utf-8") as file:  # noqa: PTH123 - pathlib may be patched by now
        file.write(f"__import__({holder!r}).run(globals())\n")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-q", "--no-header", "--noconftest", "-c", "/dev/null", f"--rootdir={folder}"]
    options += [f"--confcutdir={folder}", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
    # Our own rewriting has been there before.
    options += ["--import-mode=importlib", "--assert=plain"]
    plugin = _Plugin(judge)
    pytest.main([path, *options], plugins=[plugin])
    plugin.finish()


class _Plugin:
    """Hears pytest's reports."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._open: set[str] = set()

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
            self._judge.refuse("collecting the tests", _last_lines(report.longreprtext))

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
            self._judge.refuse(nodeid.partition("::")[2], "it was collected and never ran")


def _last_lines(text: str) -> str:
    errors = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return "; ".join(errors[:6]) or text.strip()[-300:]
