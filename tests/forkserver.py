"""Starts processes that have everything imported already: forks, in place of new interpreters.

Most of what a command takes is the import of LangGraph, a second each time. Here one process imports it once
and forks; what is forked is a process like any other, with arguments, streams, signals and an end of its own.
What only a new interpreter shows (imports, `PYTHON…` variables, Ctrl-C while it starts) is tested with one.
"""

from __future__ import annotations

import fcntl
import gc
import io
import json
import os
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
import termios
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from time import monotonic
from typing import IO, TYPE_CHECKING, BinaryIO, TextIO, TypedDict, cast

import duograph

if TYPE_CHECKING:
    from collections.abc import Mapping

AVAILABLE = sys.platform == "linux"
COMMAND = "-m duograph"
"""What to start in place of a script."""

_ROOMS = duograph.ROOMS
_ASKING = """\
import json, os, socket, sys
task = {"program": %(program)r, "words": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}
status, theirs = os.pipe()
channel = socket.socket(fileno=%(channel)d)
socket.send_fds(channel, [json.dumps(task).encode()], [0, 1, 2, theirs])
os.close(theirs)
os.read(status, %(number)d)
news = os.read(status, %(number)d) or sys.exit("the fork server has ended")
code = os.waitstatus_to_exitcode(int.from_bytes(news, "little"))
sys.exit(code if code >= 0 else 128 - code)
"""
_MESSAGE = 1 << 17
_READ = 1 << 16
_NUMBER = 8


class _Task(TypedDict):
    program: str
    words: tuple[str, ...]
    folder: str
    environment: dict[str, str]


@dataclass(eq=False)
class Forked:
    """A running fork, used as a `subprocess.Popen` is."""

    status: BinaryIO
    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None
    returncode: int | None = None

    def poll(self) -> int | None:
        return self._look(0)

    def wait(self, timeout: float) -> int:
        if (code := self._look(timeout)) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return code

    def _look(self, seconds: float) -> int | None:
        if self.returncode is None and select.select([self.status], [], [], max(seconds, 0))[0]:
            self.returncode = os.waitstatus_to_exitcode(_number(self.status))
            self.status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def communicate(self, data: bytes | None = None, timeout: float = 60) -> tuple[bytes, bytes]:
        end = monotonic() + timeout
        read = {stream: b"" for stream in (self.stdout, self.stderr) if stream and not stream.closed}
        left = memoryview(data or b"")
        with selectors.DefaultSelector() as ready:
            for stream in read:
                ready.register(stream, selectors.EVENT_READ)
            if self.stdin and not self.stdin.closed:
                os.set_blocking(self.stdin.fileno(), False)
                ready.register(self.stdin, selectors.EVENT_WRITE)
            while ready.get_map():
                if monotonic() > end:
                    raise subprocess.TimeoutExpired(str(self.pid), timeout)
                for key, _ in ready.select(end - monotonic()):
                    stream = cast("IO[bytes]", key.fileobj)
                    if stream is self.stdin:
                        left = _written(key.fd, left)
                        over = not left
                    else:
                        piece = os.read(key.fd, _READ)
                        read[stream] += piece
                        over = not piece
                    if over:
                        ready.unregister(stream)
                        stream.close()
        self.wait(end - monotonic())
        out, err = (read.get(stream, b"") if stream else b"" for stream in (self.stdout, self.stderr))
        return out, err


def _number(stream: BinaryIO) -> int:
    data = stream.read(_NUMBER)
    assert len(data) == _NUMBER, "the fork server has ended: its standard error says why"
    return int.from_bytes(data, "little")


def _written(handle: int, data: memoryview) -> memoryview:
    """What of it is left when the pipe has taken what it can."""
    try:
        return data[os.write(handle, data) :]
    except BrokenPipeError:
        return data[:0]


class ForkServer:
    """This side of the process that forks."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forkserver", str(theirs.fileno())],
                cwd=Path(__file__).parents[1],
                env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the tests
            )

    def start(  # noqa: PLR0913  # as subprocess takes them
        self,
        *words: str,
        folder: Path,
        environment: Mapping[str, str],
        program: str = COMMAND,
        stdin: int | IO[bytes] = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> Forked:
        """Start `duograph`, or a script, in a session of its own, which a terminal given to it controls.

        Args:
            words: The arguments.
            folder: Where it runs.
            environment: All its variables.
            program: Path of a script.
            stdin: As `subprocess.Popen` takes it; as are the next two.
            stdout: The same.
            stderr: The same.
        """
        task = _Task(program=program, words=words, folder=str(folder), environment=dict(environment))
        streams = [_ends(stdin, "wb"), _ends(stdout, "rb"), _ends(stderr, "rb")]
        status, theirs = os.pipe()
        handles = [handle for _, handle, _ in streams]
        socket.send_fds(self._channel, [json.dumps(task).encode()], [*handles, theirs])
        for handle in (theirs, *(handle for _, handle, is_ours in streams if is_ours)):
            os.close(handle)
        news = os.fdopen(status, "rb")
        ours = [stream for stream, _, _ in streams]
        return Forked(news, _number(news), ours[0], ours[1], ours[2])

    def write_command(self, folder: Path) -> int:
        """Write `duograph` into a folder for `PATH`, so that a shell starts forks too.

        Returns:
            The descriptor that the shell must inherit.
        """
        channel = self._channel.fileno()
        asking = folder / "asking.py"
        asking.write_text(_ASKING % {"program": COMMAND, "channel": channel, "number": _NUMBER})
        command = folder / "duograph"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{asking}" "$@"\n')
        command.chmod(0o755)
        return channel

    def close(self) -> None:
        self._channel.close()
        self._process.wait(timeout=60)


def _ends(stream: int | IO[bytes], mode: str) -> tuple[IO[bytes] | None, int, bool]:
    """Our end of a stream, the other one, and whether we have to close that."""
    if not isinstance(stream, int):
        return None, stream.fileno(), False
    if stream == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_RDWR), True
    if stream != subprocess.PIPE:
        return None, stream, False
    reading, writing = os.pipe()
    if mode == "rb":
        return os.fdopen(reading, mode), writing, True
    return os.fdopen(writing, mode), reading, True


def _serve(channel: socket.socket) -> _Task | None:
    """Fork for each message: first one who waits, and by it who does what was asked for.

    Returns:
        In the latter the task, with its three streams in place; None when nobody asks any more.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody needs to wait for those who wait
    with channel:
        while True:
            message, handles, _, _ = socket.recv_fds(channel, _MESSAGE, 4)
            if not message:
                return None
            if os.fork() == 0:
                break
            for handle in handles:
                os.close(handle)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, status = handles
    if pid := os.fork():
        for stream in streams:
            os.close(stream)
        os.write(status, pid.to_bytes(_NUMBER, "little"))
        os.write(status, os.waitpid(pid, 0)[1].to_bytes(_NUMBER, "little"))
        os._exit(0)
    os.close(status)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return cast("_Task", json.loads(message))


def _prepare(task: _Task) -> None:
    """Give this fork what a new interpreter would have."""
    os.setsid()
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(task["environment"])
    os.chdir(task["folder"])
    sys.stdin = _text(0, "rb", "strict")
    sys.stdout = _text(1, "wb", "strict")
    sys.stderr = _text(2, "wb", "backslashreplace")
    is_command = task["program"] == COMMAND
    sys.argv = ["duograph" if is_command else task["program"], *task["words"]]
    sys.path[0] = task["folder"] if is_command else str(Path(task["program"]).parent)


def _text(handle: int, mode: str, errors: str) -> TextIO:
    binary = cast("IO[bytes]", os.fdopen(handle, mode, closefd=False))
    lines = handle == 2 or os.isatty(handle)
    return io.TextIOWrapper(binary, sys.stdout.encoding, errors, newline="\n", line_buffering=lines)


def main() -> None:
    for room in _ROOMS:
        for module in walk_packages(import_module(room).__path__, f"{room}."):
            if not module.name.startswith("sandbox.inside"):  # what runs in there imports itself
                import_module(module.name)
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "whoever forks must have no threads"
    gc.collect()
    gc.freeze()
    task = _serve(socket.socket(fileno=int(sys.argv[1])))
    if task is None:
        return
    _prepare(task)
    if task["program"] == COMMAND:
        import_module("duograph").main()
    else:
        runpy.run_path(task["program"], run_name="__main__")


if __name__ == "__main__":
    main()
