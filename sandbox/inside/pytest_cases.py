"""Running test source through pytest, each of its tests a case."""

from __future__ import annotations

import ast
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from sandbox.inside.records import Report

    Untyped: TypeAlias = Any  # pytest's own objects, and the solution's


def run_pytest(source: str, tree: ast.Module, names: dict[str, Untyped], report: Report, folder: str) -> None:
    """Run the source; the plugin turns pytest's reports into cases.

    Args:
        source: The test source.
        tree: The same, parsed.
        names: What the tests see without importing it.
        report: Where cases go.
        folder: The scratch folder.
    """
    import pytest  # noqa: PLC0415 - slow, and only for tests that use it

    holder = f"names_{os.urandom(8).hex()}"
    module: Untyped = type(sys)(holder)
    module.NAMES = names
    sys.modules[holder] = module
    lines = source.splitlines(keepends=True)
    head = _header_lines(tree)
    share = f"globals().update(__import__({holder!r}).NAMES)\n"
    path = f"{folder}/test_{holder}.py"
    with open(path, "x", encoding="utf-8") as file:  # noqa: PTH123 - pathlib may be patched by now
        file.write("".join([*lines[:head], "\n" if head else "", share, *lines[head:]]))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-q", "--no-header", "--noconftest", "-c", "/dev/null", f"--rootdir={folder}"]
    options += [f"--confcutdir={folder}", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
    options += ["--import-mode=importlib"]
    plugin = _Plugin(report)
    pytest.main([path, *options], plugins=[plugin])
    plugin.finish()


class _Plugin:
    """Hears pytest's reports."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._open: set[str] = set()

    def pytest_collection_finish(self, session: Untyped) -> None:
        self._open = {item.nodeid for item in session.items}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._report.trying(nodeid.partition("::")[2])

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
            self._report.case("collecting the tests", passed=False, detail=_last_lines(report.longreprtext))

    def pytest_runtest_logreport(self, report: Untyped) -> None:
        name = report.nodeid.partition("::")[2]
        if report.failed:
            self._open.discard(report.nodeid)
            self._report.case(name, passed=False, detail=f"{name}: {_last_lines(report.longreprtext)}")
        elif report.skipped:
            self._open.discard(report.nodeid)
            if report.when == "call" and not hasattr(report, "wasxfail"):
                # The solution itself may have raised it.
                self._report.case(name, passed=False, detail=f"{name}: skipped while running")
        elif report.when == "call":
            self._open.discard(report.nodeid)
            self._report.case(name, passed=True)

    def finish(self) -> None:
        """Whatever was collected and never decided has failed."""
        for nodeid in sorted(self._open):
            self._report.case(
                nodeid.partition("::")[2], passed=False, detail="it was collected and never ran"
            )


def _last_lines(text: str) -> str:
    errors = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return "; ".join(errors[:6]) or text.strip()[-300:]


def _header_lines(tree: ast.Module) -> int:
    """How many lines must stay first: those up to the last `from __future__` import."""
    future = [
        node.end_lineno or 0
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    return max(future, default=0)
