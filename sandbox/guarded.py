"""The near side of the guard: start it, feed and read the command, stop it on cancellation."""

import asyncio
import contextlib
import math
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from sandbox.inside import tree
from sandbox.pipes import Clipped, Control, Wires
from sandbox.protocol import Execution, SandboxError
from sandbox.task import Task
from sandbox.template import Template

_CHUNK = 1 << 16
_ANSWER_S = 20.0
"""A template that has started no guard by then is taken for dead."""
_MARGIN_S = 15.0
"""A guard has so long, after the time of its run, to end the run; then somebody has stopped it."""
_GRACE_S = 5.0
"""And so long when it has been told to go on."""
_DECIDED = ("exit", "timeout", "processes", "stopped")


class _Run:
    """One guard process and its pipes; lives in one worker thread."""

    def __init__(self, task: Task, control: Control, template: Template) -> None:
        self._task = task
        self._control = control
        self._template = template
        limit = task.limits.output_kb << 10
        self._kept = {"out": Clipped(limit), "err": Clipped(limit), "status": Clipped(8 << 10)}
        self._started = False
        self._guard = 0
        self._deadline = math.inf
        self._is_late = False
        self._streamed = 0
        self._stream_limit = limit
        self._stdin = memoryview(task.stdin)

    def __call__(self) -> Execution:
        began = time.monotonic()
        self._attempt()
        # The template may have died under the request. Nothing has run then.
        if not self._started and self._control.renew():
            self._stdin = memoryview(self._task.stdin)
            self._attempt()
        return self._outcome(time.monotonic() - began)

    def _attempt(self) -> None:
        wires = Wires()
        try:
            self._start(wires)
            self._pump(wires)
        except BaseException:
            # The guard waits for this, and we for the guard.
            self._control.stop()
            raise
        finally:
            wires.wait_and_close()

    def _start(self, wires: Wires) -> None:
        theirs = (
            wires.theirs_in,
            wires.theirs_out,
            wires.theirs_err,
            self._control.read,
            wires.theirs_status,
        )
        try:
            template = self._template.ask(theirs, self._task.package)
        finally:
            wires.close_theirs()
            self._control.close_read()
        self._control.send(self._task.orders(template))

    def _pump(self, wires: Wires) -> None:
        with selectors.DefaultSelector() as selector:
            for descriptor, name in ((wires.stdout, "out"), (wires.stderr, "err"), (wires.status, "status")):
                selector.register(descriptor, selectors.EVENT_READ, name)
            if self._stdin:
                os.set_blocking(wires.stdin, False)
                selector.register(wires.stdin, selectors.EVENT_WRITE, "in")
            else:
                wires.close(wires.stdin)
            open_readers = 3
            while open_readers:
                for key, _ in self._wait(selector):
                    if key.data == "in":
                        if not self._feed(key.fd):
                            selector.unregister(key.fileobj)
                            wires.close(wires.stdin)
                    elif not self._read(key.fd, key.data):
                        selector.unregister(key.fileobj)
                        open_readers -= 1

    def _wait(self, selector: selectors.BaseSelector) -> Sequence[tuple[selectors.SelectorKey, int]]:
        if not self._started:
            ready = selector.select(_ANSWER_S)
            if not ready:
                self._template.end()
                raise SandboxError(f"no guard process was started within {_ANSWER_S:g} s")
            return ready
        left = self._deadline - time.monotonic()
        if left <= 0:
            self._hurry()
            return []
        return selector.select(left)

    def _hurry(self) -> None:
        """The guard has not ended the run in time: wake it, and then end all in its place.

        Raises:
            SandboxError: When it did not answer to that either.
        """
        if self._is_late:
            tree.end_from_outside(self._guard)
            raise SandboxError(self._late)
        self._is_late = True
        self._deadline = time.monotonic() + _GRACE_S
        self._control.stop()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._guard, signal.SIGCONT)

    @property
    def _late(self) -> str:
        limit = self._task.limits.wall_s
        return f"the guard did not end the run at its limit of {limit:g} s: something has stopped it"

    def _feed(self, descriptor: int) -> bool:
        try:
            self._stdin = self._stdin[os.write(descriptor, self._stdin[:_CHUNK]) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        return bool(self._stdin)

    def _read(self, descriptor: int, name: str) -> bool:
        piece = os.read(descriptor, _CHUNK)
        self._kept[name].add(piece)
        if name == "status" and piece and not self._started:
            self._started = True
            self._guard = int(piece.split(None, 2)[1])
            self._deadline = time.monotonic() + self._task.limits.wall_s + _MARGIN_S
        if (
            name == "out"
            and piece
            and self._task.on_stdout is not None
            and self._streamed < self._stream_limit
        ):
            self._streamed += len(piece)
            self._task.on_stdout(piece)
        return bool(piece)

    def _outcome(self, duration_s: float) -> Execution:
        facts = dict(
            line.split(" ", 1) for line in self._kept["status"].value().decode(errors="replace").splitlines()
        )
        stderr = self._kept["err"].value()
        if self._is_late:
            raise SandboxError(self._late)
        if "failed" in facts:
            raise SandboxError(f"confinement could not be set up: {facts['failed']}")
        why = next((name for name in _DECIDED if name in facts), None)
        if (
            why == "exit"
            and facts[why] == "1"
            and "{report}" in self._task.command
            and "reported" not in facts
        ):
            message = stderr.decode(errors="replace")[-500:].strip()
            raise SandboxError(f"confinement could not be set up: {message}")
        if why is None:
            tail = stderr.decode(errors="replace")[-500:].strip()
            raise SandboxError(f"the guard ended early: {tail or 'no message'}")
        if why == "processes":
            stderr += f"\n[killed: more than {self._task.limits.processes} processes]\n".encode()
        return Execution(
            exit_code=int(facts[why]),
            stdout=self._kept["out"].value(),
            stderr=stderr,
            duration_s=duration_s,
            timed_out=why == "timeout",
        )


def _run(make: Callable[[], Task], control: Control, template: Template) -> Execution:
    try:
        return _Run(make(), control, template)()
    finally:
        control.close_read()
        control.stop()


class Guards:
    """Runs guards in threads of its own, no more at once than the machine has use for."""

    def __init__(self, most: int = 0) -> None:
        """Allow `most` runs at once; 0 for two per processor."""
        self._pool = ThreadPoolExecutor(most or 2 * (os.cpu_count() or 2), thread_name_prefix="sandbox")
        self._template = Template()

    async def run(self, make: Callable[[], Task]) -> Execution:
        """Run one command; cancelling waits until its whole process tree is dead.

        Args:
            make: Describes the command; called in the worker thread, so it may read the disk.

        Raises:
            SandboxError: When nothing could be run.
        """
        if sys.platform == "win32":
            raise SandboxError("no sandbox on Windows: use WSL")
        control = Control()
        job: Future[Execution] = self._pool.submit(_run, make, control, self._template)
        waiting = asyncio.wrap_future(job)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            control.stop()
            if job.cancel():
                control.close_read()
            while not waiting.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([waiting])
            if not waiting.cancelled():
                waiting.exception()
            raise
