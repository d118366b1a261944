"""Processes of the command line whose terminal is a test."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine, Process


@dataclass
class Terminal:
    """A process whose terminal we are."""

    process: Process
    handle: int
    seen: str = ""
    place: int = 0

    def read(self, until: str = "", patience_s: float = 60.0) -> str:
        """Read until `until` has come after what was waited for before, or to the end."""
        end = time.monotonic() + patience_s
        while not until or until not in self.seen[self.place :]:
            assert time.monotonic() < end, f"{until!r} never came: {self.seen!r}"
            if not select.select([self.handle], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(self.handle, 65536)
            except OSError:  # what Linux gives when the other side has closed
                data = b""
            if not data:
                assert not until, f"{until!r} never came: {self.seen!r}"
                return self.seen
            self.seen += data.decode(errors="replace")
        self.place = self.seen.index(until, self.place) + len(until)
        return self.seen

    def type(self, text: str) -> None:
        os.write(self.handle, text.encode())

    def end(self) -> int:
        self.read()
        return self.process.wait(timeout=60)


class Terminals:
    def __init__(self, cli: CommandLine) -> None:
        self._cli = cli
        self._handles: list[int] = []

    def start(self, *words: str, env: dict[str, str] | None = None, columns: int = 100) -> Terminal:
        ours, theirs = os.openpty()
        self._handles.append(ours)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        process = self._cli.start(*words, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        return Terminal(process, ours)

    def close(self) -> None:
        for handle in self._handles:
            os.close(handle)
