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


def _module_names(job: dict[str, Any]) -> list[str]:
    names = {path.split("/")[0].removesuffix(".py") for path, _ in _python_files(job) if _is_top(path)}
    return sorted(names, key=lambda name: (name != "solution", name))


def _is_top(path: str) -> bool:
    parts = path.split("/")
    if len(parts) == 1:
        return path not in ("__main__.py", "setup.py") and path[:-3].isidentifier()
    return parts[0].isidentifier() and parts[1:] == ["__init__.py"]


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
    for name in _module_names(job):
        report.trying(f"import {name}")
        try:
            if name not in sys.builtin_module_names:
                sys.modules.pop(name, None)
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
