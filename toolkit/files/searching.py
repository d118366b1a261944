"""The tool `search_files`: regular expressions by RE2, whose time grows only with the length of the text."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from pydantic import Field

from toolkit.files.lines import BinaryFileError, lines
from toolkit.files.walking import MAX_ENTRIES, Entry, Walk, fits
from toolkit.files.walls import Walls, open_file
from toolkit.protocol import Arguments, Tool, ToolError, ToolInfo, ToolText

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolkit.files.walls import Place
    from toolkit.services import Services

MAX_MATCHES = 100
MAX_FILE = 5_000_000
MAX_BYTES = 50_000_000
_SEARCH_S = 10.0
_SHOWN = 200
_PATTERN_MEMORY = 8 << 20

INFO = ToolInfo(
    name="search_files",
    description=(
        "Find lines of text files inside the allowed folders by a regular expression (RE2's syntax: no "
        "look-around, no references back). Gives path:line: text."
    ),
    category="files",
    effect="read",
    extras=("tools",),
    platforms=("linux", "darwin"),
    services=("file_roots",),
    timeout_s=20,
    max_chars=30_000,
)


class SearchArguments(Arguments):
    """What to look for."""

    pattern: str = Field(
        min_length=1, max_length=500, description="A regular expression, matched in each line."
    )
    path: str = Field(".", max_length=4096, description="A folder or a file.")
    files: str = Field("*", max_length=200, description="Only paths or names like this, such as *.py.")
    ignore_case: bool = False


def make(services: Services) -> Tool[SearchArguments]:
    """Make the tool for `services["file_roots"]`."""
    walls = Walls(services["file_roots"])
    return Tool(INFO, SearchArguments, lambda arguments: _search(walls, arguments))


def _search(walls: Walls, asked: SearchArguments) -> ToolText:
    pattern = _compiled(asked)
    of_all = asked.path.strip("./") == "" and len(walls.roots) > 1
    tops = walls.tops() if of_all else [walls.find(asked.path)]
    found: list[str] = []
    left, end = MAX_BYTES, monotonic() + _SEARCH_S
    for place, size in _files(tops, asked.files):
        if size > left or monotonic() > end:
            return ToolText("\n".join(found), "Stopped early, for size or time: name a folder or files")
        left -= size
        for number, text in _matches(pattern, place):
            if len(found) == MAX_MATCHES:
                return ToolText("\n".join(found), f"Stopped after {MAX_MATCHES} lines: be more precise")
            found.append(f"{place.shown}:{number}: {text}")
    return ToolText("\n".join(found) or "No line matches.")


def _compiled(asked: SearchArguments) -> Any:  # noqa: ANN401  # re2 has no types
    import re2  # noqa: PLC0415 - an extra

    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY
    options.log_errors = False
    options.case_sensitive = not asked.ignore_case
    try:
        return re2.compile(asked.pattern, options)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if error.args else "it is malformed"
        raise ToolError(f"That regular expression cannot be used: {reason}.") from error


def _files(tops: Sequence[Place], pattern: str) -> Iterator[tuple[Place, int]]:
    for top in tops:
        try:
            walk = Walk(top)
            entries = list(walk)
        except ToolError:
            with open_file(top) as stream:  # it is no folder
                size = stream.seek(0, 2)
            yield top, min(size, MAX_FILE)
            continue
        for entry in entries:
            if entry.kind == "file" and _is_wanted(entry, pattern):
                yield entry.place, entry.size
        if walk.is_cut:
            raise ToolError(f"There are more than {MAX_ENTRIES} files and folders: name a folder.")


def _is_wanted(entry: Entry, pattern: str) -> bool:
    return 0 < entry.size <= MAX_FILE and fits(entry, pattern)


def _matches(pattern: Any, place: Place) -> Iterator[tuple[int, str]]:  # noqa: ANN401  # re2 has no types
    try:
        with open_file(place) as stream:
            for number, line in enumerate(lines(stream, MAX_FILE), 1):
                if match := pattern.search(line):
                    start = max(0, match.start() - _SHOWN // 2)
                    yield number, line[start : start + _SHOWN].strip()
    except (BinaryFileError, ToolError):
        return  # binary, gone, or not ours to read
