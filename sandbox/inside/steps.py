"""The ladder on the far side: parse, compile, import, then the tests. Runs in the untrusted process."""

from __future__ import annotations

import builtins
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sandbox.inside.describing import describe
    from sandbox.inside.records import Report
    from sandbox.inside.suites import Plan
else:
    from describing import describe
    from records import Report

_ONLY_AST = 0x400
_ASIDE = frozenset(("tests", "test", "conftest", "docs", "examples", "scripts", "benchmarks"))


def run(job: dict[str, Any], nonce: bytes, descriptor: int) -> None:
    """Climb until a step fails, then say that all was said."""
    report = Report(nonce, descriptor)
    flush = sys.stdout.flush
    sys.path[:] = [job["folder"], *(path for path in sys.path if path != job["inside"]), *job["site"]]
    sys.argv[:] = ["solution.py"]
    if _each(job, report, "parse", _ONLY_AST) and _each(job, report, "compile", 0):
        plan = _plan(job)
        names = _import(job, report, flush, plan.restore if plan else None)
        if names is not None and plan is not None:
            plan.run(report, names, lambda: _flush(flush))
    report.end()


def _plan(job: dict[str, Any]) -> Plan | None:
    if not job["tests"] and not job["acceptance"]:
        return None
    # Loaded only for a run with tests, since it needs ast and more.
    plan: Plan = job["plan"](job)
    return plan


def _python_files(job: dict[str, Any]) -> list[tuple[str, str]]:
    return [(path, text) for path, text in job["files"] if path.endswith(".py")]


def _each(job: dict[str, Any], report: Report, step: str, flags: int) -> bool:
    report.begin(step)
    for path, text in _python_files(job):
        try:
            compile(text, path, "exec", flags, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            report.check(step, passed=False, detail=f"{path}: {describe(error, job['folder'])}")
            return False
    report.check(step, passed=True)
    return True


def _module_names(paths: list[str]) -> list[str]:
    """The solution's modules, also those inside packages: `solution` first, packages before their parts."""
    names = {name for path in paths if path.endswith(".py") and (name := _dotted(path))}
    # Tests and the like are for other programs, unless there is nothing else.
    wanted = {name for name in names if not any(_is_aside(part) for part in name.split("."))} or names
    return sorted(wanted, key=lambda name: (name != "solution", name.count("."), name))


def _dotted(path: str) -> str:
    """The name under which a file is imported; nothing for what is no module."""
    parts = path[:-3].split("/")
    if parts[-1] == "__init__":
        parts.pop()
    usual = parts and parts[-1] != "__main__" and parts != ["setup"]
    return ".".join(parts) if usual and all(part.isidentifier() for part in parts) else ""


def _is_aside(part: str) -> bool:
    return part in _ASIDE or part.startswith("test_") or part.endswith("_test")


def _import(
    job: dict[str, Any], report: Report, flush: Callable[[], None], restore: Callable[[], None] | None = None
) -> dict[str, Any] | None:
    """Import each module.

    Returns:
        The names that tests see, or None when an import failed.
    """
    report.begin("import")
    genuine = dict(vars(builtins))
    load = builtins.__import__
    names: dict[str, Any] = {}
    modules = []
    wanted = _module_names([path for path, _ in job["files"]])
    for name in {name.split(".")[0] for name in wanted} - {*sys.builtin_module_names}:
        sys.modules.pop(name, None)  # all of them first: each module is loaded once, by whoever needs it
    for name in wanted:
        report.trying(f"import {name}")
        try:
            load(name)
            modules.append(sys.modules[name])
        except BaseException as error:  # noqa: BLE001 - SystemExit and worse are failures as well
            _flush(flush)
            report.check("import", passed=False, detail=f"import {name}: {describe(error, job['folder'])}")
            return None
    vars(builtins).update(genuine)
    if restore is not None:
        restore()
    _flush(flush)
    for module in reversed(modules):
        names.update({key: value for key, value in vars(module).items() if not _is_system_name(key)})
    if "solution" not in sys.modules and modules:
        sys.modules["solution"] = modules[0]
    report.check("import", passed=True)
    return names


def _is_system_name(name: object) -> bool:
    return not isinstance(name, str) or (name.startswith("__") and name.endswith("__"))


def _flush(flush: Callable[[], None]) -> None:
    try:
        flush()
    except (OSError, ValueError):
        # The solution closed its output, which is its own affair.
        os.write(2, b"\n")
