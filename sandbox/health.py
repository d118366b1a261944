"""Looks at the sandbox that would be used: whether one holds, and what keeps its processes apart."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.choose import Choice, open_sandbox
from sandbox.interpreter import interpreter_path
from sandbox.protocol import Limits, Sandbox, SandboxError, Unavailable
from sandbox.scratch import new_folder, remove_scratch

_LIMITS = Limits(wall_s=10.0, cpu_s=5, memory_mb=512)


@dataclass(frozen=True, slots=True)
class SandboxHealth:
    """What the self-test showed.

    Attributes:
        name: The sandbox that held, as evidence names it; empty when none did.
        reason: Why none did, with what to install.
        pid_namespace: Whether runs get process numbers of their own; None when that could not be seen.
    """

    name: str = ""
    reason: str = ""
    pid_namespace: bool | None = None


async def inspect_sandbox(
    choice: Choice = "auto", *, packages: Sequence[str] = (), image: str = ""
) -> SandboxHealth:
    """Let the sandbox pass its self-test, as before any verification, and run one small program in it.

    Args:
        choice: As for `open_sandbox`.
        packages: As for `open_sandbox`.
        image: As for `open_sandbox`.
    """
    sandbox = await open_sandbox(choice, packages=packages, image=image)
    if isinstance(sandbox, Unavailable):
        return SandboxHealth(reason=sandbox.reason)
    return SandboxHealth(sandbox.name, pid_namespace=await _has_numbers_of_its_own(sandbox))


async def _has_numbers_of_its_own(sandbox: Sandbox) -> bool | None:
    folder = await asyncio.to_thread(new_folder, "probe")
    command = [interpreter_path(), "-I", "-S", "-c", "import os; print(os.getppid())"]
    try:
        done = await sandbox.run(command, folder=folder, limits=_LIMITS)
        return int(done.stdout) == 1  # within, its parent is the first process
    except (SandboxError, ValueError):
        return None
    finally:
        await asyncio.shield(asyncio.to_thread(remove_scratch, folder))
