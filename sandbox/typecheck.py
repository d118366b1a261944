"""The types step: mypy over the solution, inside the sandbox and without any configuration."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from sandbox.evidence import Check, Diagnostic, SourceFile
from sandbox.interpreter import inside_command, site_folders
from sandbox.lint import summary
from sandbox.protocol import Execution, Limits, Sandbox, SandboxError
from sandbox.report import clip

OPTIONS = (
    "--config-file=",
    "--no-site-packages",
    "--ignore-missing-imports",
    "--explicit-package-bases",
    "--check-untyped-defs",
    "--cache-dir=/dev/null",
)
"""An empty `--config-file` keeps mypy from looking for one, and with that from loading a plugin."""

_INSTALL = "pip install 'duograph[types]'"
_LIMITS = Limits(wall_s=30.0, cpu_s=60, memory_mb=4096)
_MOST_KEPT = 50
_LONGEST_MESSAGE = 500
_USAGE = 2
"""mypy's exit code when it could not check at all."""


async def check_types(
    sandbox: Sandbox, folder: Path, files: Sequence[SourceFile], *, seconds: float, root: str = ""
) -> Check:
    """Run mypy over the solution's own Python files.

    Comments that switch it off count as findings, and so does what shows it something else than what runs:
    code that depends on `TYPE_CHECKING` or `MYPY`, but for imports, and stubs in the place of an installed
    module. Installed packages are not looked into: what comes from them has the type `Any`.

    Args:
        sandbox: Where mypy runs; it executes nothing of the solution, but reads it.
        folder: The scratch folder, which holds the files.
        files: The solution.
        seconds: Wall-clock seconds it may take.
        root: The folder below that one that holds the modules, as of `source_root`.

    Returns:
        The check; not executed when mypy is not installed.
    """
    if not await asyncio.to_thread(has_mypy):
        return _not_executed(f"mypy is not installed: {_INSTALL}")
    names = [f"./{file.path}" for file in files if file.path.endswith((".py", ".pyi"))]
    command = await asyncio.to_thread(
        inside_command, "check_types", os.pathsep.join(site_folders()), root, *OPTIONS
    )
    limits = replace(_LIMITS, wall_s=min(_LIMITS.wall_s, seconds))
    try:
        done = await sandbox.run(command, folder=folder, limits=limits, stdin="\n".join(names).encode())
    except SandboxError as error:
        return _not_executed(str(error))
    return _read(done, limits)


def has_mypy() -> bool:
    """Whether the interpreter of the sandbox can import mypy."""
    return PathFinder.find_spec("mypy", site_folders()) is not None


def _not_executed(why: str) -> Check:
    return Check(name="types", passed=False, executed=False, detail=f"not executed: {why}")


def _read(done: Execution, limits: Limits) -> Check:
    check = Check(name="types", passed=False, duration_s=done.duration_s, exit_code=done.exit_code)
    if done.timed_out:
        late = f"mypy was stopped after {limits.wall_s:g} s: raise verify_timeout_s or simplify the types"
        return check.model_copy(update={"detail": late})
    findings = [finding for line in done.stdout.splitlines() if (finding := _finding(line)) is not None]
    if done.exit_code == 0:
        return check.model_copy(update={"passed": True})
    if done.exit_code not in (1, _USAGE) or not findings:
        said = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.exit_code}"
        return check.model_copy(update={"detail": clip(f"mypy could not check the files: {said}", 1000)})
    return check.model_copy(update={"detail": summary(findings), "findings": findings[:_MOST_KEPT]})


def _finding(line: bytes) -> Diagnostic | None:
    """One line of mypy's output; nothing for its notes."""
    try:
        item: dict[str, Any] = json.loads(line)
        if item["severity"] != "error":
            return None
        return Diagnostic(
            file=str(item["file"]).removeprefix("./"),
            line=max(0, int(item["line"])),
            code=str(item["code"] or "error"),
            message=clip(str(item["message"]), _LONGEST_MESSAGE),
        )
    except (ValueError, KeyError, TypeError):
        return None
