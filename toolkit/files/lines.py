"""A file as lines of text, however long the file or a line is."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINE = 2000
"""Bytes of a line that are looked at."""

_PIECE = 1 << 16
_LOOKED_AT = 8192
_MARK = b"\xef\xbb\xbf"


class BinaryFileError(ToolError):
    """The file is no text."""


def lines(stream: BinaryIO, max_bytes: int) -> Iterator[str]:
    """Give lines without their ends, each `MAX_LINE` long at most, until so many bytes are read.

    Raises:
        BinaryFileError: When it holds a zero byte near its beginning.
    """
    start = stream.read(_LOOKED_AT)
    if b"\0" in start:
        raise BinaryFileError("That file is binary, not text.")
    stream.seek(0)
    read = 0
    while read < max_bytes and (line := stream.readline(_PIECE)):
        first, read = read == 0, read + len(line)
        kept, piece = line[:MAX_LINE], line
        while not piece.endswith(b"\n") and read < max_bytes and (piece := stream.readline(_PIECE)):
            read += len(piece)  # the rest of a line that is too long
        is_whole = len(line) <= MAX_LINE
        text = (kept.removeprefix(_MARK) if first else kept).decode(errors="replace")
        yield text.rstrip("\r\n") if is_whole else f"{text} …"
