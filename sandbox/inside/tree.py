"""Counting and killing a process tree."""

from __future__ import annotations

# The public module builds enums, 4 ms of every run.
import _signal as signal  # type: ignore[import-not-found]
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

LINUX = sys.platform == "linux"
_MOST_SWEEPS = 1000


class suppress:  # noqa: N801 - stands in for contextlib.suppress, whose import costs 4 ms of every run
    """Ignore some kinds of exception within a block."""

    def __init__(self, *kinds: type[BaseException]) -> None:
        """Ignore exceptions of these kinds."""
        self._kinds = kinds

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """End the block."""
        return kind is not None and issubclass(kind, self._kinds)


def tasks_of_machine() -> int:
    """The number of tasks of the whole machine; 0 where it cannot be read cheaply."""
    if not LINUX:
        return 0
    descriptor = os.open("/proc/loadavg", os.O_RDONLY)
    try:
        return int(os.read(descriptor, 128).split()[3].split(b"/")[1])
    finally:
        os.close(descriptor)


def _table() -> list[tuple[int, int, int]]:
    """Every visible process as (pid, parent, threads)."""
    if not LINUX:
        return _table_of_ps()
    rows = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs 5 ms here
        if not name.isdigit():
            continue
        with suppress(OSError, IndexError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
            # The command's name may hold spaces and brackets.
            fields = file.read().rpartition(b")")[2].split()
            rows.append((int(name), int(fields[1]), int(fields[17])))
    return rows


def _table_of_ps() -> list[tuple[int, int, int]]:
    import subprocess  # noqa: PLC0415 - Linux does without it and starts faster

    with subprocess.Popen(["/bin/ps", "-axo", "pid=,ppid="], stdout=subprocess.PIPE) as ps:
        listing, _ = ps.communicate()
    rows = [row.split() for row in listing.splitlines()]
    # The listing shows ps itself, which is our child.
    return [(int(pid), int(parent), 1) for pid, parent in rows if int(pid) != ps.pid]


def _descendants(root: int) -> list[tuple[int, int]]:
    children: dict[int, list[tuple[int, int]]] = {}
    for pid, parent, threads in _table():
        children.setdefault(parent, []).append((pid, threads))
    found: list[tuple[int, int]] = []
    waiting = [root]
    while waiting:
        for pid, threads in children.get(waiting.pop(), []):
            found.append((pid, threads))
            waiting.append(pid)
    return found


def count_tasks(root: int) -> int:
    """How many processes and threads descend from `root`."""
    return sum(threads for _, threads in _descendants(root))


def kill_all(root: int, *, ended: bool, namespaced: bool) -> None:
    """Kill the tree and come back when nothing of it is left.

    In a PID namespace the kernel does it when `root` dies. Elsewhere we are the parent of every
    orphan (Linux), so that killing descendants until none is left finds them all; on macOS an orphan
    that left its process group escapes, see the README.

    Args:
        root: The process that we started.
        ended: Whether it was reaped already, so that its number may be another's by now.
        namespaced: Whether it is the first process of a PID namespace.
    """
    if not ended:
        os.kill(root, signal.SIGKILL)
    if not namespaced:
        _sweep(root)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def end_from_outside(guard: int) -> None:
    """Kill a guard that does not do its work, and all that descends from it.

    While it stands it has the orphans, on Linux all of them; so it is the last to go.
    """
    for _ in range(_MOST_SWEEPS):
        alive = [pid for pid, _ in _descendants(guard) if not _is_dead(pid)]
        if not alive:
            break
        _kill(alive)
    with suppress(ProcessLookupError, PermissionError):
        os.kill(guard, signal.SIGKILL)


def _is_dead(pid: int) -> bool:
    """Whether a process only waits to be reaped; elsewhere than on Linux nobody says."""
    with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
        return file.read().rpartition(b")")[2].split()[0] in b"ZX"
    return LINUX


def _kill(processes: list[int]) -> None:
    # Stopped first, so that what a fork bomb starts meanwhile does not outrun us.
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in processes:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def _sweep(root: int) -> None:
    if not LINUX:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(root, signal.SIGKILL)
    while True:
        _reap()
        alive = [pid for pid, _ in _descendants(os.getpid())]
        if not alive:
            return
        _kill(alive)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
