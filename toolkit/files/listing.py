"""The tool `list_files`."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from pydantic import Field

from toolkit.files.walking import MAX_DEPTH, MAX_ENTRIES, Entry, Walk, fits
from toolkit.files.walls import Walls
from toolkit.protocol import Arguments, Tool, ToolInfo, ToolText

if TYPE_CHECKING:
    from toolkit.services import Services

MAX_LINES = 500

INFO = ToolInfo(
    name="list_files",
    description="List files with their sizes in bytes, and folders (they end in /), in the allowed folders.",
    category="files",
    effect="read",
    platforms=("linux", "darwin"),
    services=("file_roots",),
    timeout_s=20,
    max_chars=40_000,
)


class ListArguments(Arguments):
    """Which files to list."""

    path: str = Field(".", max_length=4096, description="A folder.")
    pattern: str = Field("*", max_length=200, description="Only paths or names like this, such as *.py.")
    depth: int = Field(2, ge=1, le=MAX_DEPTH, description="How many levels of folders to list.")


def make(services: Services) -> Tool[ListArguments]:
    """Make the tool for `services["file_roots"]`."""
    walls = Walls(services["file_roots"])
    return Tool(INFO, ListArguments, lambda arguments: _list(walls, arguments))


def _list(walls: Walls, asked: ListArguments) -> ToolText:
    of_all = asked.path.strip("./") == "" and len(walls.roots) > 1
    tops = walls.tops() if of_all else [walls.find(asked.path)]
    walks = [Walk(top, asked.depth) for top in tops]
    lines: list[str] = []
    left_out = 0
    for entry in chain.from_iterable(walks):
        if not fits(entry, asked.pattern):
            continue
        if len(lines) < MAX_LINES:
            lines.append(_line(entry))
        else:
            left_out += 1
    notes = [f"{left_out} more; name a folder or a pattern"] * bool(left_out)
    notes += [f"stopped after {MAX_ENTRIES} entries; name a folder"] * any(walk.is_cut for walk in walks)
    return ToolText("\n".join(lines) or "Nothing is there that fits.", "; ".join(notes))


def _line(entry: Entry) -> str:
    shown = entry.place.shown.replace("\n", "\ufffd")  # a name shall not look like two
    match entry.kind:
        case "file":
            return f"{shown} {entry.size}"
        case "folder":
            return f"{shown}/"
        case _:
            return f"{shown} ({entry.kind})"
