"""The near side of the guard: start it, feed and read the command, stop it on cancellation."""

import asyncio
import contextlib
import marshal
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sandbox.interpreter import inside_command
from sandbox.protocol import Execution, Limits, SandboxError

Orders = Mapping[str, object]
OnStdout = Callable[[bytes], None]

_CHUNK = 1 << 16
_DECIDED = ("exit", "timeout", "processes", "stopped")


@dataclass(frozen=True, slots=True)
class Task:
    """One command for the guard.

    Attributes:
        command: Program and arguments.
        folder: Working directory and scratch.
        limits: What it may use.
        env: The whole environment.
        stdin: What the command reads.
        on_stdout: Hears each piece of output.
        namespace: Whether the guard makes a PID namespace if it can.
        rules: What nono must apply, or None when the command confines itself.
        filters: Builds the two seccomp programs from the guard's process id.
    """

    command: Sequence[str]
    folder: Path
    limits: Limits
    env: Mapping[str, str]
    stdin: bytes
    on_stdout: OnStdout | None
    namespace: bool
    rules: Mapping[str, object] | None
    filters: Callable[[tuple[int, ...]], tuple[bytes, bytes]]

    def orders(self, guard: int) -> bytes:
        """The message to the guard."""
        closed, opened = self.filters((guard, os.getpid()))
        limits = self.limits
        message = marshal.dumps(
            {
                "command": list(self.command),
                "folder": str(self.folder),
                "env": dict(self.env),
                "wall_s": float(limits.wall_s),
                "processes": limits.processes,
                "rlimits": {
                    "cpu_s": limits.cpu_s,
                    "memory_mb": limits.memory_mb,
                    "file_mb": limits.file_mb,
                    "open_files": limits.open_files,
                },
                "namespace": self.namespace,
                "rules": self.rules,
                "filter": closed,
                "filter_open": opened,
            }
        )
        return len(message).to_bytes(8, "big") + message


class Clipped:
    """Keeps the first and the last of a stream within a limit."""

    def __init__(self, limit: int) -> None:
        """Keep at most `limit` bytes."""
        self._half = max(1, limit // 2)
        self._head = bytearray()
        self._tail = bytearray()
        self._lost = 0

    def add(self, piece: bytes) -> None:
        """Take one more piece."""
        room = self._half - len(self._head)
        self._head += piece[:room]
        self._tail += piece[room:] if room > 0 else piece
        excess = len(self._tail) - self._half
        if excess > 0:
            del self._tail[:excess]
            self._lost += excess

    def value(self) -> bytes:
        """What was kept, with a note where something is missing."""
        note = f"\n[{self._lost} bytes left out]\n".encode() if self._lost else b""
        return bytes(self._head) + note + bytes(self._tail)


class _Run:
    """One guard process and its pipes; lives in one worker thread."""

    def __init__(self, task: Task, control: "Control") -> None:
        self._task = task
        self._control = control
        limit = task.limits.output_kb << 10
        self._kept = {"out": Clipped(limit), "err": Clipped(limit), "status": Clipped(8 << 10)}
        self._streamed = 0
        self._stream_limit = limit
        self._stdin = memoryview(task.stdin)

    def __call__(self) -> Execution:
        status_read, status_write = os.pipe()
        began = time.monotonic()
        try:
            guard = self._start(status_write)
        except OSError as error:
            os.close(status_read)
            raise SandboxError(f"the guard process could not be started: {error}") from error
        finally:
            os.close(status_write)
            self._control.close_read()
        with guard, os.fdopen(status_read, "rb", buffering=0) as status:
            try:
                self._control.send(self._task.orders(guard.pid))
                self._pump(guard, status.fileno())
            finally:
                # Leaving the block waits for the guard, which waits for this on an error.
                self._control.stop()
        return self._outcome(guard.returncode, time.monotonic() - began)

    def _start(self, status_write: int) -> "subprocess.Popen[bytes]":
        descriptors = (self._control.read, status_write)
        return subprocess.Popen(  # noqa: S603 - our own script
            inside_command("guard", *descriptors),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=descriptors,
            cwd="/",
            env={},
            start_new_session=True,
        )

    def _pump(self, guard: "subprocess.Popen[bytes]", status: int) -> None:
        assert guard.stdin and guard.stdout and guard.stderr  # noqa: S101, PT018 - they are pipes
        with selectors.DefaultSelector() as selector:
            for descriptor, name in ((guard.stdout, "out"), (guard.stderr, "err"), (status, "status")):
                selector.register(descriptor, selectors.EVENT_READ, name)
            os.set_blocking(guard.stdin.fileno(), False)
            selector.register(guard.stdin, selectors.EVENT_WRITE, "in")
            open_readers = 3
            while open_readers:
                for key, _ in selector.select():
                    if key.data == "in":
                        if not self._feed(key.fd):
                            selector.unregister(key.fileobj)
                            _close_quietly(guard.stdin)
                    elif not self._read(key.fd, key.data):
                        selector.unregister(key.fileobj)
                        open_readers -= 1

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
        if (
            name == "out"
            and piece
            and self._task.on_stdout is not None
            and self._streamed < self._stream_limit
        ):
            self._streamed += len(piece)
            self._task.on_stdout(piece)
        return bool(piece)

    def _outcome(self, guard_code: int, duration_s: float) -> Execution:
        facts = dict(
            line.split(" ", 1) for line in self._kept["status"].value().decode(errors="replace").splitlines()
        )
        stderr = self._kept["err"].value()
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
            raise SandboxError(f"the guard ended early with code {guard_code}: {tail or 'no message'}")
        if why == "processes":
            stderr += f"\n[killed: more than {self._task.limits.processes} processes]\n".encode()
        return Execution(
            exit_code=int(facts[why]),
            stdout=self._kept["out"].value(),
            stderr=stderr,
            duration_s=duration_s,
            timed_out=why == "timeout",
        )


def _close_quietly(file: object) -> None:
    with contextlib.suppress(OSError):
        file.close()  # type: ignore[attr-defined]


class Control:
    """The pipe whose closing tells the guard to kill everything; safe to stop from any thread."""

    def __init__(self) -> None:
        """Open the pipe."""
        self.read, self._write = os.pipe()
        self._lock = threading.Lock()
        self._open = {self.read, self._write}

    def send(self, message: bytes) -> None:
        """Send the orders; nothing happens when the run was stopped before."""
        with self._lock, contextlib.suppress(BrokenPipeError):
            if self._write in self._open:
                os.write(self._write, message)

    def stop(self) -> None:
        """Tell the guard to kill everything."""
        self._close(self._write)

    def close_read(self) -> None:
        """Let go of the guard's end."""
        self._close(self.read)

    def _close(self, descriptor: int) -> None:
        with self._lock:
            if descriptor in self._open:
                self._open.remove(descriptor)
                os.close(descriptor)


def _run(make: Callable[[], Task], control: Control) -> Execution:
    try:
        return _Run(make(), control)()
    finally:
        control.close_read()
        control.stop()


class Guards:
    """Runs guards in threads of its own, no more at once than the machine has use for."""

    def __init__(self, most: int = 0) -> None:
        """Allow `most` runs at once; 0 for two per processor."""
        self._pool = ThreadPoolExecutor(most or 2 * (os.cpu_count() or 2), thread_name_prefix="sandbox")

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
        job: Future[Execution] = self._pool.submit(_run, make, control)
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
