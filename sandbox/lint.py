"""The lint step: ruff's rules for what is certainly an error, as advice."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sandbox.evidence import Check, Diagnostic, SourceFile
from sandbox.interpreter import ruff_path
from sandbox.protocol import Limits, Sandbox, SandboxError
from sandbox.report import clip

RULES = "E9,F63,F7,F82,F50,F601,F811,B006,B015,B018,PLE"
"""Errors, undefined names, broken formats, and a few sure bugs; see docs.astral.sh/ruff/rules."""

_LIMITS = Limits(wall_s=10.0, memory_mb=4096)
_MOST_SHOWN = 5
_MOST_KEPT = 50
_LONGEST_MESSAGE = 500
_NEWEST = 14
"""The newest Python 3 that every ruff we accept knows."""


async def lint(
    sandbox: Sandbox, folder: Path, files: Sequence[SourceFile], *, seconds: float = _LIMITS.wall_s
) -> Check | None:
    """Run ruff over the solution's own Python files, without any configuration.

    Args:
        sandbox: Where ruff runs.
        folder: The scratch folder, which holds the files.
        files: The solution.
        seconds: Wall-clock seconds it may take, if fewer than its own limit.

    Returns:
        The advisory check, or None when ruff is not installed, could not run, or could not parse a file:
        whether one parses is for Python to say.
    """
    program = await asyncio.to_thread(ruff_path)
    if program is None:
        return None
    command = [program, "check", "--isolated", "--no-cache", "--quiet", "--output-format=json"]
    command += [f"--select={RULES}", "--", *(f"./{file.path}" for file in files if file.path.endswith(".py"))]
    command[2:2] = [f"--target-version=py3{min(sys.version_info.minor, _NEWEST)}"]
    limits = replace(_LIMITS, wall_s=min(_LIMITS.wall_s, seconds))
    env = {"RAYON_NUM_THREADS": "1"}
    try:
        done = await sandbox.run(command, folder=folder, limits=limits, env=env)
        found = json.loads(done.stdout)
        if any(item["code"] in (None, "invalid-syntax") for item in found):
            return None
        findings = [_finding(item, folder) for item in found]
    except (SandboxError, ValueError, KeyError, TypeError):
        return None
    return Check(
        name="lint",
        passed=not findings,
        detail=summary(findings),
        duration_s=done.duration_s,
        required=False,
        exit_code=done.exit_code,
        findings=findings[:_MOST_KEPT],
    )


def summary(findings: Sequence[Diagnostic]) -> str:
    """The first findings, a line each, and how many more there are."""
    more = len(findings) - _MOST_SHOWN
    return "\n".join([*map(str, findings[:_MOST_SHOWN]), *([f"and {more} more"] if more > 0 else [])])


def _finding(item: dict[str, Any], folder: Path) -> Diagnostic:
    file = str(item["filename"]).removeprefix(f"{folder}/").removeprefix("./")
    return Diagnostic(
        file=file,
        line=int(item["location"]["row"]),
        code=str(item["code"]),
        message=clip(str(item["message"]), _LONGEST_MESSAGE),
    )
