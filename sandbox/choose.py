"""Choosing a sandbox by trying it; whatever cannot be shown to hold is not used."""

import asyncio
import errno
import os
import shutil
import sys
from pathlib import Path
from typing import Literal

from sandbox.bubblewrap import BubblewrapSandbox
from sandbox.interpreter import inside_command
from sandbox.nono import NonoSandbox
from sandbox.protocol import Limits, Sandbox, SandboxError, Unavailable
from sandbox.scratch import new_folder, remove_scratch, start_sweeping

Choice = Literal["auto", "nono", "bubblewrap"]

_LIMITS = Limits(wall_s=10.0, cpu_s=5, memory_mb=512)
OPENING_S = 2 * _LIMITS.wall_s
"""Seconds that `open_sandbox` may take: each of the two backends is tried once."""

_ADVICE = {
    "nono": "nono needs macOS, or Linux 5.13 or newer with Landlock switched on",
    "bubblewrap": "bubblewrap needs `bwrap` (apt-get install bubblewrap) and user namespaces",
}
# A file that cannot be seen is as good as one that may not be opened.
_HIDDEN = f"errno {errno.ENOENT}"
_GONE = f"errno {errno.ESRCH}"
_ACCEPTED = {
    "read": ("denied", _HIDDEN),
    "write": ("denied", _HIDDEN, f"errno {errno.EROFS}"),
    "signal": ("denied", _GONE),
    "tcp": ("denied",),
    "tcp6": ("denied",),
    "udp": ("denied",),
    "unix": ("denied",),
    "own": ("allowed",),
}


async def open_sandbox(choice: Choice = "auto") -> Sandbox | Unavailable:
    """Find a sandbox that holds on this machine.

    Each candidate runs one child that tries to read, write, signal and open sockets where it must not,
    and to write where it may. Costs one short confined run. Scratch folders that killed programs left a day
    ago or earlier are removed in the background.

    Args:
        choice: A backend, or `auto` for the first that holds.

    Returns:
        The sandbox, or why there is none and what to install.
    """
    if sys.platform not in ("linux", "darwin"):
        return Unavailable(f"no sandbox for {sys.platform}: run inside WSL, Linux or macOS")
    start_sweeping()
    candidates: dict[str, Sandbox] = {"nono": NonoSandbox(), "bubblewrap": BubblewrapSandbox()}
    tried: dict[str, str] = {}
    for name, sandbox in candidates.items():
        if choice not in ("auto", name):
            continue
        problem = await find_weakness(sandbox)
        if not problem:
            return sandbox
        tried[name] = problem
    reasons = "; ".join(f"{name}: {problem} ({_ADVICE[name]})" for name, problem in tried.items())
    return Unavailable(f"no sandbox holds on this machine: {reasons}", tried)


async def find_weakness(sandbox: Sandbox) -> str:
    """Try to break out of `sandbox`.

    Returns:
        What is wrong with it, or nothing.
    """
    outside = await asyncio.to_thread(_make_folders)
    try:
        return await _try(sandbox, outside)
    finally:
        await asyncio.shield(asyncio.to_thread(remove_scratch, outside))


async def _try(sandbox: Sandbox, outside: Path) -> str:
    scratch = outside / "scratch"
    try:
        command = await asyncio.to_thread(
            inside_command,
            "probe",
            str(outside / "canary"),
            str(outside / "written"),
            str(scratch / "own"),
            os.getpid(),
        )
        done = await sandbox.run(command, folder=scratch, limits=_LIMITS)
    except SandboxError as error:
        return str(error)
    outcomes = dict(
        line.split("=", 1) for line in done.stdout.decode("utf-8", "replace").split("\n") if "=" in line
    )
    if outcomes.keys() != _ACCEPTED.keys():
        return f"the probe did not finish: {done.stderr.decode('utf-8', 'replace').strip()[-300:]}"
    wrong = [
        f"{name} was {outcome}"
        for name, outcome in outcomes.items()
        # nono gives no promise on signals for macOS, see the README.
        if outcome not in _ACCEPTED[name] and not (name == "signal" and sys.platform == "darwin")
    ]
    return ", ".join(wrong)


def _make_folders() -> Path:
    outside = new_folder("probe")
    try:
        (outside / "scratch").mkdir()
        (outside / "canary").write_text("canary", encoding="utf-8")
    except BaseException:
        shutil.rmtree(outside, ignore_errors=True)
        raise
    return outside
