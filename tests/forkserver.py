"""Starts processes that have everything imported already: forks, in place of new interpreters.

Most of what a command takes is the import of LangGraph, a second each time. Here one process (`forking.py`)
imports it once and forks; what is forked is a process like any other, with arguments, streams, signals and an
end of its own. What only a new interpreter shows (imports, `PYTHON…` variables, Ctrl-C while it starts) is
tested with one.
"""

from __future__ import annotations

import json
import os
import select
import selectors
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING, BinaryIO, TypedDict, cast

from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Mapping

AVAILABLE = sys.platform == "linux"
COMMAND = "-m duograph"
"""What to start in place of a script."""

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
_READ = 1 << 16
NUMBER = 8
HELLO = b"+"


class Task(TypedDict):
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
    data = stream.read(NUMBER)
    assert len(data) == NUMBER, "the fork server has ended: its standard error says why"
    return int.from_bytes(data, "little")


def _written(handle: int, data: memoryview) -> memoryview:
    """What of it is left when the pipe has taken what it can."""
    try:
        return data[os.write(handle, data) :]
    except BrokenPipeError:
        return data[:0]


class ForkServer:
    """This side of the process that forks, which all processes of a run of tests share."""

    def __init__(self, shared: Path) -> None:
        """Connect to it; whoever comes first starts it, and it ends when nobody is connected any more.

        Args:
            shared: A folder that those processes have in common.
        """
        address = f"\0{shared}/forks"
        with FileLock(shared / "forks.lock"):
            channel = _connected(address)
            if channel is None:
                subprocess.run(
                    [sys.executable, "-m", "tests.forking", address[1:]],
                    cwd=Path(__file__).parents[1],
                    env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
                    start_new_session=True,  # Ctrl-C is for the tests
                    check=True,
                )
                channel = _connected(address)
        assert channel, "the fork server does not answer: its standard error says why"
        self._channel = channel

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
        task = Task(program=program, words=words, folder=str(folder), environment=dict(environment))
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
        asking.write_text(_ASKING % {"program": COMMAND, "channel": channel, "number": NUMBER})
        command = folder / "duograph"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{asking}" "$@"\n')
        command.chmod(0o755)
        return channel

    def close(self) -> None:
        self._channel.close()


def _connected(address: str) -> socket.socket | None:
    """A connection to the server at that address; None where there is none, or it is about to end."""
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        channel.connect(address)
        if channel.recv(len(HELLO)) == HELLO:
            return channel
    except (ConnectionRefusedError, ConnectionResetError):
        pass
    channel.close()
    return None


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
