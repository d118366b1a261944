"""The guard: starts one confined command, watches its limits, and ends its whole process tree.

It runs as its own small process, a fork of the template, because a fork inside a large threaded program is
neither quick nor safe, and because it must outlive whatever the command does. Its orders (marshal) come over
the control pipe; when that pipe closes, by cancellation or by the death of the program, everything is killed.
One `name value` line per fact goes to the status pipe.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import marshal
import os
import select
import sys
import time

TYPE_CHECKING = False  # typing costs 9 ms of every run
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from sandbox.inside import confine, kernel, tree
else:
    import confine
    import kernel
    import tree

LINUX = sys.platform == "linux"
_POLL_S = 0.02
_COUNT_S = 0.5 if not LINUX else 0.25
"""Between two counts that nothing else calls for; on macOS each one starts ps."""


def read_orders(descriptor: int) -> dict[str, Any]:
    """Read the length-prefixed orders of the program that started us."""
    wanted, data = 8, b""
    while len(data) < wanted:
        piece = os.read(descriptor, wanted - len(data))
        if not piece:
            os._exit(0)
        data += piece
        if len(data) == 8:  # noqa: PLR2004 - the length comes first
            wanted = 8 + int.from_bytes(data, "big")
    orders: dict[str, Any] = marshal.loads(data[8:])  # noqa: S302 - written by our own program
    return orders


def start(
    orders: Mapping[str, Any], *, namespaced: bool, failed: int, ended: int
) -> int | Callable[[], None]:
    """Fork the command; inside a PID namespace an own first process stands between us and it.

    Returns:
        The process whose end is the end of the run; or, in the confined child, the script to call.
    """
    child = os.fork()
    if child:
        return child
    try:
        if LINUX:
            kernel.die_with_parent(signal.SIGKILL)
        if namespaced:
            target = os.fork()
            if target:
                os.close(failed)
                _be_first_process(target, ended)
        return confine.become(orders, namespaced=namespaced)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the command must not run
        os.write(failed, f"{type(error).__name__}: {error}".encode()[:4000])
    os._exit(127)


def _be_first_process(target: int, ended: int) -> None:
    """Reap everything; when the target ends, so do we, and the kernel kills the rest."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == target:
            os.write(ended, str(status).encode())
            os._exit(0)


class Watch:
    """Waits for the end of a run, for its limits, or for the word to stop."""

    def __init__(self, orders: Mapping[str, Any], root: int, control: int) -> None:
        """Start the clock."""
        self._deadline = time.monotonic() + orders["wall_s"]
        self._processes: int = orders["processes"]
        self._root = root
        self._control = control
        self._baseline = tree.tasks_of_machine()
        self._next_count = time.monotonic() + _COUNT_S
        self._wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)

    def run(self) -> tuple[str, int]:
        """Wait.

        Returns:
            Why it ended (`exit`, `timeout`, `processes`, `stopped`) and the root's wait status.
        """
        while True:
            status = self._reap()
            if status is not None:
                return "exit", status
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                return "timeout", signal.SIGKILL
            ready, _, _ = select.select([self._control, self._wake_read], [], [], min(_POLL_S, remaining))
            if self._control in ready:
                return "stopped", signal.SIGKILL
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            if self._too_many():
                return "processes", signal.SIGKILL

    def _reap(self) -> int | None:
        found = None
        with tree.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == self._root:
                    found = status
        return found

    def _too_many(self) -> bool:
        now = time.monotonic()
        if now < self._next_count and not (LINUX and self._grows()):
            return False
        self._next_count = now + _COUNT_S
        return tree.count_tasks(os.getpid()) > self._processes

    def _grows(self) -> bool:
        """Tell, by one cheap figure for the whole machine, whether counting ours is worth it at once."""
        tasks: int = tree.tasks_of_machine()
        # Others end meanwhile, and ours must not hide in the room that they leave.
        self._baseline = min(self._baseline, tasks)
        return tasks - self._baseline > self._processes


def _with_own_number(program: bytes, stand_in: int) -> bytes:
    """Put our process number into a filter that was built before we were known."""
    for wanted, known in ((stand_in, os.getpid()), (-stand_in, -os.getpid())):
        old, new = (number.to_bytes(4, sys.byteorder, signed=True) for number in (wanted, known))
        program = program.replace(old, new)
    return program


def main(control: int, status: int) -> Callable[[], None] | None:
    """Run the orders that come over `control` and report on `status`, two pipes.

    Returns:
        In the confined child, when a script of ours was ordered: what to call. In the guard: nothing.
    """
    for descriptor in (control, status):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - positional only
    orders = read_orders(control)
    os.write(status, f"started {os.getpid()}\n".encode())
    orders["filter_open"] = _with_own_number(orders["filter_open"], orders["stand_in"])
    namespaced = False
    if LINUX:
        kernel.adopt_orphans()
        namespaced = orders["namespace"] and kernel.new_process_namespace()
        if namespaced and orders["rules"] is not None and kernel.private_shared_memory():
            orders["rules"]["writable"].append(kernel.SHARED_MEMORY)
    failed_read, failed_write = os.pipe()
    ended_read, ended_write = os.pipe()
    report = os.pipe() if "{report}" in orders["command"] else None
    if report:
        os.set_inheritable(report[1], True)  # noqa: FBT003 - positional only
        orders["command"] = [str(report[1]) if part == "{report}" else part for part in orders["command"]]
    root = start(orders, namespaced=namespaced, failed=failed_write, ended=ended_write)
    if not isinstance(root, int):
        return root
    os.close(failed_write)
    os.close(ended_write)
    watch = Watch(orders, root, control)
    problem = os.read(failed_read, 4096)
    if problem:
        os.write(status, b"failed " + problem.replace(b"\n", b" ") + b"\n")
    why, code = watch.run()
    tree.kill_all(root, ended=why == "exit", namespaced=namespaced)
    if namespaced and why == "exit":
        code = int(os.read(ended_read, 32) or code)
    if report:
        os.close(report[1])
        if b"exit-code" in os.read(report[0], 4096):
            os.write(status, b"reported 1\n")
    os.write(status, f"{why} {os.waitstatus_to_exitcode(code)}\n".encode())
    return None
