"""What a server sends over HTTP, message by message: the same is passed on as over pipes."""

from __future__ import annotations

import re
from typing import Final

from toolkit.mcp.keeper import heard, is_deep, read_message

_BLANK: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE: Final = re.compile(rb"\r\n|\n|\r")


def passed_on(body: bytes) -> bytes:
    """Give a message as it is passed on; nothing when it is none."""
    message = read_message(body)
    return b"" if message is None or is_deep(message, body) else heard(message, body)


class Events:
    """Takes a stream of server-sent events apart, and only whole ones with a message are given on.

    Attributes:
        can_be_resumed: Whether an event had an id, at which the stream can be taken up again.
    """

    def __init__(self) -> None:
        self.can_be_resumed = False
        self._rest = bytearray()

    def add(self, chunk: bytes) -> bytes:
        """Give the events that are complete now."""
        seen = max(len(self._rest) - 3, 0)
        self._rest += chunk
        ready = b""
        while (end := _BLANK.search(self._rest, seen)) is not None:
            ready += self._event(bytes(self._rest[: end.start()]))
            del self._rest[: end.end()]
            seen = 0
        return ready

    def _event(self, block: bytes) -> bytes:
        lines = _LINE.split(block)
        data = b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))
        # How long to wait before asking again is our affair, so `retry:` is left out.
        ids = [line for line in lines if line.startswith(b"id:")]
        message = passed_on(data) if data else b""
        if not message and not ids:
            return b""
        self.can_be_resumed = self.can_be_resumed or bool(ids)
        # A message is one line of JSON, or else its line ends are no part of a text.
        return b"\n".join([*ids, b"data: " + _LINE.sub(b" ", message)]) + b"\n\n"
