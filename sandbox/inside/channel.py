"""Whole messages over two pipes."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.inside.wire import Malformed
else:
    from wire import Malformed

_MOST_BYTES = 256 << 20


class Gone(BaseException):
    """The other side has closed its end."""


class Channel:
    """Whole messages over two pipes."""

    def __init__(self, read: int, write: int) -> None:
        """Use two descriptors, and the system calls as they are now."""
        self._pipes = read, write
        self._read, self._write = os.read, os.write

    def send(self, data: bytes) -> None:
        """Send a message.

        Raises:
            Gone: When nobody will read it.
        """
        rest = memoryview(len(data).to_bytes(8, "big") + data)
        try:
            while rest:
                rest = rest[self._write(self._pipes[1], rest) :]
        except OSError:
            raise Gone from None

    def receive(self) -> bytes:
        """Wait for a message.

        Raises:
            Gone: When none will come.
            Malformed: When it is too long.
        """
        length = int.from_bytes(self._exactly(8), "big")
        if length > _MOST_BYTES:
            raise Malformed("too long")
        return self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            try:
                piece = self._read(self._pipes[0], min(count, 1 << 20))
            except OSError:
                raise Gone from None
            if not piece:
                raise Gone
            parts.append(piece)
            count -= len(piece)
        return b"".join(parts)
