"""The process behind `forkserver.py`: it has everything imported, and forks whenever it is asked to."""

from __future__ import annotations

import fcntl
import gc
import io
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import termios
from contextlib import closing
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import IO, TYPE_CHECKING, TextIO, cast

import duograph
from tests.forkserver import COMMAND, HELLO, NUMBER, Task

if TYPE_CHECKING:
    from collections.abc import Generator

_ROOMS = duograph.ROOMS
_MESSAGE = 1 << 17


def _messages(listener: socket.socket) -> Generator[tuple[bytes, list[int]]]:
    """What all who are connected send, until nobody is."""
    with selectors.DefaultSelector() as ready:
        ready.register(listener, selectors.EVENT_READ)
        connected: set[socket.socket] = set()
        try:
            while True:
                for key, _ in ready.select():
                    if key.fileobj is listener:
                        channel = listener.accept()[0]
                        channel.send(HELLO)
                        ready.register(channel, selectors.EVENT_READ)
                        connected.add(channel)
                        continue
                    channel = cast("socket.socket", key.fileobj)
                    message, handles, _, _ = socket.recv_fds(channel, _MESSAGE, 4)
                    if message:
                        yield message, handles
                        continue
                    ready.unregister(channel)
                    channel.close()
                    connected.remove(channel)
                    if not connected:
                        return
        finally:  # a fork leaves here too, and must not hold what is the server's
            for channel in (listener, *connected):
                channel.close()


def _serve(listener: socket.socket) -> Task | None:
    """Fork for each message: first one who waits, and by it who does what was asked for.

    Returns:
        In the latter the task, with its three streams in place; None when nobody asks any more.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody needs to wait for those who wait
    with closing(_messages(listener)) as messages:
        for message, handles in messages:
            if os.fork() == 0:
                task = cast("Task", json.loads(message))
                break
            for handle in handles:
                os.close(handle)
        else:
            return None
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, status = handles
    if pid := os.fork():
        for stream in streams:
            os.close(stream)
        os.write(status, pid.to_bytes(NUMBER, "little"))
        os.write(status, os.waitpid(pid, 0)[1].to_bytes(NUMBER, "little"))
        os._exit(0)
    os.close(status)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return task


def _prepare(task: Task) -> None:
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
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(f"\0{sys.argv[1]}")
    listener.listen()
    if os.fork():
        os._exit(0)  # whoever started it waits until it listens
    task = _serve(listener)
    if task is None:
        return
    _prepare(task)
    if task["program"] == COMMAND:
        import_module("duograph").main()
    else:
        runpy.run_path(task["program"], run_name="__main__")


if __name__ == "__main__":
    main()
