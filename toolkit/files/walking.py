"""What lies in a folder and below it, bounded in number and depth; no link is followed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, Literal

from toolkit.files.walls import is_private, open_folder
from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.files.walls import Place

MAX_ENTRIES = 20_000
MAX_DEPTH = 30

Kind = Literal["folder", "file", "link", "special"]

_NOT_ENTERED = frozenset({"node_modules", "__pycache__", ".venv", ".tox", ".mypy_cache", ".ruff_cache"})


@dataclass(frozen=True)
class Entry:
    """A file or folder that was found; `size` in bytes, 0 for all but files."""

    place: Place
    kind: Kind
    size: int = 0


class Walk:
    """Goes through a folder; each folder's entries come by name, before those that lie deeper.

    Attributes:
        is_cut: Whether there was more than `MAX_ENTRIES`; known when the walk is over.
    """

    def __init__(self, top: Place, depth: int = MAX_DEPTH) -> None:
        self._top = top
        self._depth = depth
        self._left = MAX_ENTRIES
        self.is_cut = False

    def __iter__(self) -> Iterator[Entry]:
        waiting = [(self._top, 1)]
        while waiting and not self.is_cut:
            place, depth = waiting.pop()
            try:
                found = self._entries(place)
            except ToolError:
                if place is self._top:
                    raise
                continue  # it went away or may not be read, as can happen to any folder below
            yield from found
            if depth < self._depth:
                inner = [entry.place for entry in found if entry.kind == "folder"]
                waiting += [(child, depth + 1) for child in reversed(inner) if _is_entered(child)]

    def _entries(self, place: Place) -> list[Entry]:
        with open_folder(place) as folder, os.scandir(folder) as found:
            entries = [_entry(place, item) for item in islice(found, self._left + 1)]
        self.is_cut = len(entries) > self._left
        self._left -= len(entries)
        seen = [entry for entry in entries if not is_private(entry.place.parts[-1])]
        return sorted(seen, key=lambda entry: entry.place.parts[-1])


def _entry(place: Place, item: os.DirEntry[str]) -> Entry:
    child = place.child(item.name)
    try:
        if item.is_symlink():
            return Entry(child, "link")
        if item.is_dir(follow_symlinks=False):
            return Entry(child, "folder")
        if item.is_file(follow_symlinks=False):
            return Entry(child, "file", item.stat(follow_symlinks=False).st_size)
    except OSError:  # it went away meanwhile
        pass
    return Entry(child, "special")


def _is_entered(place: Place) -> bool:
    return place.parts[-1] not in _NOT_ENTERED


def fits(entry: Entry, pattern: str) -> bool:
    """Tell whether a pattern such as `*.py` or `src/*` fits the path or the name; `*` crosses folders."""
    return fnmatchcase(entry.place.shown, pattern) or fnmatchcase(entry.place.parts[-1], pattern)
