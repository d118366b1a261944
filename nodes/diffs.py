"""Unified diffs: read what a user pasted, put it onto the files, or show the part that there is."""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sandbox.evidence import SourceFile

_HUNK = re.compile(r"^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_NOTHING = "/dev/null"


class DiffError(ValueError):
    """A diff does not fit the files; the message names the place."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk: where it begins in the old and the new file, and its lines with their first character."""

    old_start: int
    new_start: int
    lines: tuple[str, ...]

    @property
    def old(self) -> list[str]:
        """The lines that it takes the place of."""
        return [line[1:] for line in self.lines if line[0] in " -"]

    @property
    def new(self) -> list[str]:
        """The lines that it leaves."""
        return [line[1:] for line in self.lines if line[0] in " +"]


@dataclass(frozen=True, slots=True)
class Change:
    """What a diff does to one file; `old` or `new` is empty where there is none."""

    old: str
    new: str
    hunks: tuple[Hunk, ...]


def read_diff(text: str) -> list[Change]:
    """The changes in a unified diff; what stands around them is passed over. Empty when there is none."""
    lines = text.splitlines()
    changes: list[Change] = []
    at = 0
    while at + 2 < len(lines):
        if lines[at].startswith("--- ") and lines[at + 1].startswith("+++ ") and _HUNK.match(lines[at + 2]):
            old, new = _path(lines[at]), _path(lines[at + 1])
            hunks, at = _hunks(lines, at + 2)
            changes.append(Change(old, new, tuple(hunks)))
        else:
            at += 1
    return changes


def _path(line: str) -> str:
    """The path of a `---` or `+++` line, without git's prefix and without a date."""
    path = line[4:].split("\t", 1)[0].strip().strip('"')
    if path == _NOTHING:
        return ""
    return path[2:] if path[:2] in {"a/", "b/"} else path.removeprefix("./")


def _hunks(lines: Sequence[str], at: int) -> tuple[list[Hunk], int]:
    """The hunks from `at` on, and the line after them."""
    hunks: list[Hunk] = []
    while at < len(lines) and (head := _HUNK.match(lines[at])):
        body: list[str] = []
        old, new = int(head[2] or 1), int(head[4] or 1)
        at += 1
        while at < len(lines) and (old > 0 or new > 0):
            line = lines[at] or " "  # editors strip the blank of an empty line
            if line[0] not in " +-\\":
                break
            old -= line[0] in " -"
            new -= line[0] in " +"
            body += [line] if line[0] != "\\" else []
            at += 1
        while at < len(lines) and lines[at].startswith("\\"):
            at += 1
        hunks.append(Hunk(int(head[1]), int(head[3]), tuple(body)))
    return hunks, at


def apply_diff(changes: Sequence[Change], files: Sequence[SourceFile]) -> list[SourceFile]:
    """The files as they are after the changes; a file that has its change already stays as it is.

    Raises:
        DiffError: When a file is missing, or a hunk does not fit it.
    """
    contents = {file.path: file.content for file in files}
    for change in changes:
        if _is_applied(change, contents):
            continue
        source = _existing(change.old, list(contents)) if change.old else ""
        if change.old and source is None:
            raise DiffError(f"the diff changes {change.old}, and that file is not here")
        before = contents.pop(source, "") if source else ""
        if change.new:
            target = source if source and change.old == change.new else change.new
            contents[target] = _changed(before, change)
    return [SourceFile(path=path, content=content) for path, content in contents.items()]


def _is_applied(change: Change, contents: Mapping[str, str]) -> bool:
    """Whether the files are as they are after the change: `git diff` shows what the files have already."""
    target = _existing(change.new, list(contents)) if change.new else None
    if target is None:
        return not change.new and _existing(change.old, list(contents)) is None
    lines = contents[target].splitlines()
    fits_old = change.old and all(_find(lines, hunk.old, hunk.old_start) is not None for hunk in change.hunks)
    return not fits_old and all(_find(lines, hunk.new, hunk.new_start) is not None for hunk in change.hunks)


def _existing(path: str, known: Sequence[str]) -> str | None:
    """The file that a path of the diff means; a diff is often made in a folder above."""
    if path in known:
        return path
    alike = [name for name in known if name.endswith(f"/{path}") or path.endswith(f"/{name}")]
    return alike[0] if len(alike) == 1 else None


def _changed(before: str, change: Change) -> str:
    lines = before.splitlines()
    shift = 0
    for hunk in change.hunks:
        at = _find(lines, hunk.old, hunk.old_start + shift)
        if at is None:
            raise DiffError(f"the diff does not fit {change.old} at its line {hunk.old_start}")
        lines[at : at + len(hunk.old)] = hunk.new
        shift += len(hunk.new) - len(hunk.old)
    return "\n".join(lines) + "\n" if lines else ""


def _find(lines: Sequence[str], wanted: Sequence[str], start: int) -> int | None:
    """Where the wanted lines are: at the line that the hunk says, else at the only place that has them.

    A hunk that wants nothing stands after the line that it says.
    """
    at = max(0, start - 1 if wanted else start)
    if list(lines[at : at + len(wanted)]) == list(wanted):
        return min(at, len(lines))
    places = range(len(lines) - len(wanted) + 1) if wanted else ()
    found = [n for n in places if list(lines[n : n + len(wanted)]) == list(wanted)]
    return found[0] if len(found) == 1 else None


def visible_lines(changes: Sequence[Change]) -> dict[str, AbstractSet[int]]:
    """The line numbers that a diff alone shows of each new file."""
    return {
        change.new or change.old: frozenset(
            number for hunk in change.hunks for number, line in _numbered(hunk) if line[0] != "-"
        )
        for change in changes
    }


def show_diff(changes: Sequence[Change]) -> str:
    """The diff with the new file's line numbers, as a reviewer needs them."""
    shown = []
    for change in changes:
        shown.append(f"{change.old or '(no file)'} → {change.new or '(removed)'}")
        for hunk in change.hunks:
            shown += [
                f"{number if line[0] != '-' else '':>5} {line[0]} {line[1:]}".rstrip()
                for number, line in _numbered(hunk)
            ]
            shown.append("  ...")
    return "\n".join(shown)


def _numbered(hunk: Hunk) -> Iterator[tuple[int, str]]:
    """Each line of a hunk with its number in the new file, or the number that the next line will have."""
    number = hunk.new_start
    for line in hunk.lines:
        yield number, line
        number += line[0] != "-"
