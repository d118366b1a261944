"""Stands between us and a server's process: a program of its own, with nothing but the standard library.

It passes on what is a message, bounds what the server may send, and ends the server with everything that it
started when our side closes the pipe, is killed, or tells it to. What the server writes to standard error is
read and forgotten but for its end. What to run comes in the variable `DUOGRAPH_MCP_SERVER`, as JSON, because
arguments of a program can be read by every user of the machine.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from types import FrameType
from typing import Any, Final, NoReturn

VARIABLE: Final = "DUOGRAPH_MCP_SERVER"
LOGGER: Final = "duograph/keeper"
"""Where our own messages come from; a server that says the same tells about nobody but itself."""

UNREADABLE: Final = -32098
"""The code of the error that stands for a message that is not passed on."""

_CHUNK: Final = 1 << 16
_HEAD: Final = 512
_TAIL: Final = 2000
_CLOSE_S: Final = 0.8
_TERM_S: Final = 0.6
_LOOK_S: Final = 1.0
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_CHANGED: Final = b'{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_MAX_DEPTH: Final = 100
_ID: Final = re.compile(rb'"id"\s*:\s*(-?\d{1,18}|"[^"\\]{1,100}")')


class Keeper:
    """One server's process, and the two directions between it and us."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._max_line: int = asked["max_line"]
        self._max_flood: int = asked["max_flood"]
        self._parent: int = asked["parent"]
        self._sent = 0
        self._has_garbage = False
        self._tail = b""
        self._writing = threading.Lock()
        self._ending = threading.Lock()
        self._drained = threading.Event()
        self._server = _start(asked)

    def run(self) -> NoReturn:
        """Work until one side ends."""
        signal.signal(signal.SIGTERM, self._told_to_end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for work in (self._pump, self._drain, self._watch_server, self._watch_parent):
            threading.Thread(target=work, daemon=True).start()
        self._forward()
        self.end()

    def end(self, **why: object) -> NoReturn:
        """End the server, first kindly, and then ourselves; the first caller does it."""
        with self._ending:
            with contextlib.suppress(OSError, ValueError):
                os.close(self._stdin)
            patient = not why
            if patient and self._is_there_after(_CLOSE_S):
                self._signal(signal.SIGTERM)
                self._is_there_after(_TERM_S)
            self._signal(signal.SIGKILL)
            _end_descendants()
            if why:
                self._tell(why)
            os._exit(0)

    @property
    def _stdin(self) -> int:
        assert self._server.stdin is not None  # noqa: S101  # a pipe was asked for
        return self._server.stdin.fileno()

    def _told_to_end(self, _signal: int, _frame: FrameType | None) -> NoReturn:
        self._signal(signal.SIGKILL)
        _end_descendants()
        os._exit(0)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self._server.pid, number)

    def _is_there_after(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._server.poll() is not None:
                return False
            time.sleep(0.01)
        return True

    def _forward(self) -> None:
        """From us to the server; each of our own messages gives it leave to send more."""
        is_deaf = False
        while chunk := os.read(0, _CHUNK):
            if b'"method"' in chunk:
                self._sent = 0
            try:
                while chunk and not is_deaf:
                    chunk = chunk[os.write(self._stdin, chunk) :]
            except OSError:
                is_deaf = True  # it reads no more; what it has still to say, or that it ended, others tell

    def _pump(self) -> None:
        """From the server to us, line by line."""
        assert self._server.stdout is not None  # noqa: S101  # a pipe was asked for
        source = self._server.stdout.fileno()
        line, skipped = bytearray(), b""
        while chunk := os.read(source, _CHUNK):
            self._sent += len(chunk)
            if self._sent > self._max_flood:
                self.end(too_much=self._max_flood)
            first, *others = chunk.split(b"\n")
            pieces = [first, *others]
            for number, piece in enumerate(pieces):
                if not skipped:
                    line += piece
                    if len(line) > self._max_line:
                        skipped, line = bytes(line[:_HEAD]), bytearray()
                if number == len(pieces) - 1:
                    break  # not yet ended
                if skipped:
                    self._refuse(skipped, f"more than {self._max_line} bytes at once")
                elif line:
                    self._pass_on(bytes(line))
                line, skipped = bytearray(), b""
        self._drained.set()

    def _pass_on(self, line: bytes) -> None:
        message = read_message(line)
        if message is not None and is_deep(message, line):
            self._refuse(line[:_HEAD], "a message that is nested too deeply")
        elif message is not None:
            self._write(heard(message, line))
        elif line.strip() and not self._has_garbage:
            self._has_garbage = True
            self._tell({"garbage": True})

    def _refuse(self, head: bytes, what: str) -> None:
        """Answer a call in place of an answer that cannot be passed on."""
        found = _ID.search(head)
        if found is None or b'"method"' in head:
            return
        error = {"code": UNREADABLE, "message": what}
        self._write(json.dumps({"jsonrpc": "2.0", "id": json.loads(found[1]), "error": error}).encode())

    def _drain(self) -> None:
        assert self._server.stderr is not None  # noqa: S101  # a pipe was asked for
        while chunk := os.read(self._server.stderr.fileno(), _CHUNK):
            self._tail = (self._tail + chunk)[-_TAIL:]

    def _watch_server(self) -> None:
        code = self._server.wait()
        self._drained.wait(0.3)  # something that it started may hold the pipe for ever
        time.sleep(0.02)  # its last words on standard error
        self.end(code=code, tail=self._tail.decode(errors="replace"))

    def _watch_parent(self) -> None:
        while os.getppid() == self._parent:
            time.sleep(_LOOK_S)
        self.end()

    def _tell(self, what: dict[str, object]) -> None:
        params = {"level": "info", "logger": LOGGER, "data": what}
        message = {"jsonrpc": "2.0", "method": "notifications/message", "params": params}
        self._write(json.dumps(message).encode())

    def _write(self, line: bytes) -> None:
        if not line or not self._writing.acquire(timeout=5):
            return
        try:
            rest = line + b"\n"
            while rest:
                rest = rest[os.write(1, rest) :]
        except OSError:
            pass  # nobody listens any more, and `_forward` sees it, too
        finally:
            self._writing.release()


def read_message(line: bytes) -> dict[str, Any] | None:
    """A message; None when it is none."""
    try:
        message = json.loads(line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return None
    if isinstance(message.get("method"), str):
        return message
    is_answer = isinstance(message.get("result"), dict) or isinstance(message.get("error"), dict)
    return message if is_answer and isinstance(message.get("id"), int | str) else None


def is_deep(message: object, line: bytes) -> bool:
    """Tell whether it is nested more deeply than whoever reads it next bears."""
    if line.count(b"[") + line.count(b"{") <= _MAX_DEPTH:
        return False
    level, depth = [message], 0
    while level:
        depth += 1
        inner: list[object] = []
        for one in level:
            if isinstance(one, dict | list):
                inner += one.values() if isinstance(one, dict) else one
        level = inner
    return depth > _MAX_DEPTH


def heard(message: dict[str, Any], line: bytes) -> bytes:
    """What is passed on: answers as they are; of what the server wants of us only that it wants something.

    A request that is not a ping becomes the one for folders, which is refused like all others would be.
    """
    method, number = message.get("method"), message.get("id")
    if method is None:
        if line.isascii() and not _SURROGATE.search(line):
            return line
        # Half a character, which servers cut texts at, is read by some and refused by others.
        return json.dumps(message, ensure_ascii=False).encode(errors="replace")
    if isinstance(number, int | str):
        asked = {"id": number, "method": "ping" if method == "ping" else "roots/list"}
        return json.dumps({"jsonrpc": "2.0", **asked}).encode()
    return _CHANGED if method == "notifications/tools/list_changed" else b""


def _start(asked: dict[str, Any]) -> subprocess.Popen[bytes]:
    linux = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if linux is not None:
        linux.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what it leaves behind comes to us

    def die_with_us() -> None:
        if linux is not None:
            linux.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    return subprocess.Popen(  # noqa: S603  # the user trusted it
        asked["command"],
        env=asked["env"],
        cwd=asked["cwd"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
        preexec_fn=die_with_us,  # noqa: PLW1509  # there is one thread here so far
    )


def _end_descendants() -> None:
    """End what the server started, even where it made a session of its own; Linux gives it to us."""
    for _ in range(50):
        try:
            with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as listed:  # noqa: PTH123
                children = [int(word) for word in listed.read().split()]
        except OSError:
            return
        if not children:
            return
        for child in children:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(OSError):
                os.waitpid(child, 0)


def main() -> NoReturn:
    """Start the server that is asked for and keep it; a program's entry."""
    asked = json.loads(os.environ.pop(VARIABLE))
    try:
        keeper = Keeper(asked)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        data = {"unstartable": why}
        params = {"level": "error", "logger": LOGGER, "data": data}
        message = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": params})
        os.write(1, message.encode() + b"\n")
        os._exit(0)
    keeper.run()


if __name__ == "__main__":
    main()
