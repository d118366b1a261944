"""The tool `read_file`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from pydantic import Field

from toolkit.files.lines import lines
from toolkit.files.walls import Walls, open_file
from toolkit.protocol import Arguments, Tool, ToolError, ToolInfo, ToolText

if TYPE_CHECKING:
    from toolkit.services import Services

MAX_BYTES = 64_000_000
"""Bytes that are read to reach a line."""

_NOTE_ROOM = 250

INFO = ToolInfo(
    name="read_file",
    description="Read a text file in the allowed folders, or some of its lines; each line has its number.",
    category="files",
    effect="read",
    platforms=("linux", "darwin"),
    services=("file_roots",),
    timeout_s=20,
    max_chars=20_000,
)


class ReadArguments(Arguments):
    """What to read."""

    path: str = Field(min_length=1, max_length=4096)
    first_line: int = Field(1, ge=1, description="From 1.")
    line_count: int = Field(400, ge=1, le=2000)


def make(services: Services) -> Tool[ReadArguments]:
    """Make the tool for `services["file_roots"]`."""
    walls = Walls(services["file_roots"])
    return Tool(INFO, ReadArguments, lambda arguments: _read(walls, arguments))


def _read(walls: Walls, asked: ReadArguments) -> ToolText:
    place = walls.find(asked.path)
    room = INFO.max_chars - _NOTE_ROOM
    kept: list[str] = []
    with open_file(place) as stream:
        following = enumerate(lines(stream, MAX_BYTES), 1)
        for number, line in islice(following, asked.first_line - 1, None):
            numbered = f"{number}\t{line}"
            room -= len(numbered) + 1
            if len(kept) == asked.line_count or room < 0:
                return ToolText("\n".join(kept), f"There is more: read on with first_line={number}")
            kept.append(numbered)
        is_cut = stream.tell() >= MAX_BYTES
    if is_cut:
        return ToolText("\n".join(kept), f"Only the first {MAX_BYTES} bytes are read")
    if not kept and asked.first_line > 1:
        raise ToolError(f"{place.shown} has no line {asked.first_line}.")
    return ToolText("\n".join(kept), "The end of the file" if kept else "The file is empty")
