"""The protocol of this room: run a command that nobody trusts, within limits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """What one confined run may use.

    Attributes:
        wall_s: Wall-clock seconds until the whole process tree is killed.
        cpu_s: CPU seconds per process.
        memory_mb: Address space per process, in MiB.
        processes: Processes and threads at once.
        file_mb: Largest single file that may be written, in MiB.
        open_files: Open file descriptors per process.
        output_kb: Standard output and error kept, each, in KiB.
    """

    wall_s: float = 10.0
    cpu_s: int = 10
    memory_mb: int = 1024
    processes: int = 64
    file_mb: int = 32
    open_files: int = 256
    output_kb: int = 256


@dataclass(frozen=True, slots=True)
class Execution:
    """What a confined run did.

    Attributes:
        exit_code: The process's exit code; negative for a signal.
        stdout: Captured standard output, clipped to the limit.
        stderr: Captured standard error, clipped to the limit.
        duration_s: Wall-clock seconds.
        timed_out: Whether the wall-clock limit ended it.
    """

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""
    duration_s: float = 0.0
    timed_out: bool = False


class Sandbox(Protocol):
    """Runs a command with no network, an empty environment and only `folder` writable."""

    name: str
    """The backend as evidence names it, such as `nono (seccomp)`."""

    async def run(  # noqa: PLR0913 - the protocol's keywords read better than one more object
        self,
        command: Sequence[str],
        *,
        folder: Path,
        limits: Limits,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        on_stdout: Callable[[bytes], None] | None = None,
    ) -> Execution:
        """Run `command` with `folder` as its working directory and only writable place.

        Cancelling the awaiting task kills the whole process tree before the cancellation goes on.

        Args:
            command: Program and arguments; the program by absolute path.
            folder: The scratch folder.
            limits: What the run may use.
            env: The child's environment beyond the bare minimum; nothing is inherited.
            stdin: What the child reads on standard input.
            on_stdout: Called with each piece of standard output within the limit as it comes, from
                a thread that is not the event loop's.

        Returns:
            What happened, also when the command failed or was killed.

        Raises:
            SandboxError: When confinement could not be set up. Nothing ran.
        """
        ...


class SandboxError(RuntimeError):
    """Confinement could not be set up, so nothing was run."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why no sandbox can be had here, with what to do about it."""

    reason: str
    tried: Mapping[str, str] = field(default_factory=dict)
