"""Choosing a sandbox by trying it; whatever cannot be shown to hold is not used."""

import asyncio
import errno
import logging
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sandbox.bare import WARNING, BareRun
from sandbox.bubblewrap import BubblewrapSandbox
from sandbox.docker import DockerSandbox
from sandbox.interpreter import inside_command
from sandbox.nono import NonoSandbox
from sandbox.protocol import Limits, Sandbox, SandboxError, Unavailable
from sandbox.scratch import new_folder, remove_scratch, start_sweeping

Choice = Literal["auto", "nono", "bubblewrap", "docker", "none"]

_LIMITS = Limits(wall_s=10.0, cpu_s=5, memory_mb=512)
OPENING_S = 2 * _LIMITS.wall_s
"""Seconds that `open_sandbox` may take: each of the two backends is tried once."""

_ADVICE = {
    "nono": "nono needs macOS, or Linux 5.13 or newer with Landlock switched on",
    "docker": "docker needs its command line, a running daemon and the image",
    "bubblewrap": "bubblewrap needs `bwrap` (apt-get install bubblewrap) and user namespaces",
}
# A file that cannot be seen is as good as one that may not be opened.
_HIDDEN = f"errno {errno.ENOENT}"
_GONE = f"errno {errno.ESRCH}"
_UNREACHABLE = (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
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


# A container has a loopback of its own and may make sockets, which lead nowhere.
_OWN_LOOPBACK = ("allowed", "denied", *(f"errno {number}" for number in _UNREACHABLE))
_ACCEPTED_IN_DOCKER = {
    **_ACCEPTED,
    "tcp": _OWN_LOOPBACK[1:],
    "tcp6": _OWN_LOOPBACK[1:],
    "udp": _OWN_LOOPBACK,
    "unix": _OWN_LOOPBACK,
}


async def open_sandbox(
    choice: Choice = "auto", *, packages: Sequence[str] = (), image: str = ""
) -> Sandbox | Unavailable:
    """Find a sandbox that holds on this machine.

    Each candidate runs one child that tries to read, write, signal and open sockets where it must not,
    and to write where it may. Costs one short confined run. Scratch folders that killed programs left a day
    ago or earlier are removed in the background.

    Args:
        choice: A backend, or `auto` for the first of nono and bubblewrap that holds. `none` confines nothing
            and is never tried; a warning is logged.
        packages: Folders of installed packages that are readable inside.
        image: For docker; by default Python's own of the version at hand.

    Returns:
        The sandbox, or why there is none and what to install.
    """
    if sys.platform not in ("linux", "darwin"):
        return Unavailable(f"no sandbox for {sys.platform}: run inside WSL, where nono and docker work")
    start_sweeping()
    if choice == "none":
        logging.getLogger("duograph").warning("duograph: %s", WARNING)
        return BareRun()
    candidates: dict[str, Sandbox] = {
        "nono": NonoSandbox(packages=packages),
        "bubblewrap": BubblewrapSandbox(packages=packages),
        "docker": DockerSandbox(image, packages=packages),
    }
    tried: dict[str, str] = {}
    for name in ("nono", "bubblewrap") if choice == "auto" else (choice,):
        sandbox = candidates[name]
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
        if isinstance(sandbox, DockerSandbox) and (problem := await _find_network(sandbox, scratch)):
            return problem
    except SandboxError as error:
        return str(error)
    accepted = _ACCEPTED_IN_DOCKER if isinstance(sandbox, DockerSandbox) else _ACCEPTED
    outcomes = dict(
        line.split("=", 1) for line in done.stdout.decode("utf-8", "replace").split("\n") if "=" in line
    )
    if outcomes.keys() != accepted.keys():
        return f"the probe did not finish: {done.stderr.decode('utf-8', 'replace').strip()[-300:]}"
    wrong = [
        f"{name} was {outcome}"
        for name, outcome in outcomes.items()
        # nono gives no promise on signals for macOS, see the README.
        if outcome not in accepted[name] and not (name == "signal" and sys.platform == "darwin")
    ]
    return ", ".join(wrong)


async def _find_network(sandbox: Sandbox, scratch: Path) -> str:
    """What network a container has besides its own loopback."""
    command = await asyncio.to_thread(inside_command, "reach")
    done = await sandbox.run(command, folder=scratch, limits=_LIMITS)
    said = done.stdout.decode("utf-8", "replace").strip()
    return (
        "" if said in ("interfaces=", "interfaces=lo") else f"it has a network: {said[:200] or 'no answer'}"
    )


def _make_folders() -> Path:
    outside = new_folder("probe")
    try:
        (outside / "scratch").mkdir()
        (outside / "canary").write_text("canary", encoding="utf-8")
    except BaseException:
        shutil.rmtree(outside, ignore_errors=True)
        raise
    return outside
