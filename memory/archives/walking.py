"""Which files of a folder are read, and a word about each that is not."""

from __future__ import annotations

import os
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from memory.archives.ignoring import Rules, RulesError, rules_above
from memory.archives.report import ArchiveError, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH: Final = 64
"""Folders in folders; deeper ones are left out."""

_MAX_PATH = 4096
_NOT_OURS: Final = frozenset({"node_modules", "bower_components", "__pycache__", "site-packages", "CVS"})
_BAD: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of characters that end a line, steer a terminal, or are bytes and no characters."""

_REORDERING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""With these in it a name is shown in another order than it is written in."""


@dataclass(slots=True)
class Found:
    """What a walk came upon.

    Attributes:
        paths: Of the files to read, relative to the root, with `/`.
        skipped: What is left out.
        unseen: Folders that could not be looked into, so that nobody knows what is gone from them.
    """

    paths: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def is_unseen(self, path: str) -> bool:
        """Whether a file is, or lies in, what could not be looked into."""
        return any(path == name or path.startswith(f"{name}/") for name in self.unseen)


def walk(root: Path) -> Found:
    """Find the files below a folder; links are not followed.

    Raises:
        ArchiveError: When the folder itself cannot be read.
    """
    found = Found()
    try:
        above = rules_above(root)
        stack = [(root, 0, Rules(root, above))]
        while stack:
            folder, depth, rules = stack.pop()
            inner = list(_inside(root, folder, depth, rules, found))
            stack += reversed(inner)
    except RulesError as error:
        raise ArchiveError(f"{root} cannot be read: {error}; mend that file.") from None
    return found


def _inside(
    root: Path, folder: Path, depth: int, rules: Rules, found: Found
) -> Iterator[tuple[Path, int, Rules]]:
    """Sort what is in one folder; give the folders to look into."""
    try:
        with os.scandir(folder) as entries:
            inside = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        if folder == root:
            raise ArchiveError(f"The folder {root} cannot be read: {error.strerror}.") from None
        _leave_out(found, root, folder, f"cannot be read ({error.strerror})", is_unseen=True)
        return
    for entry in inside:
        path = Path(entry.path)
        reason = _reason(root, entry, rules, depth)
        if reason is not None:
            _leave_out(found, root, path, reason, is_unseen=reason.startswith("cannot be read"))
        elif not entry.is_dir(follow_symlinks=False):
            found.paths.append(path.relative_to(root).as_posix())
        else:
            try:
                yield path, depth + 1, Rules(path, rules)
            except RulesError as error:
                _leave_out(found, root, path, str(error), is_unseen=True)


def _leave_out(found: Found, root: Path, path: Path, reason: str, *, is_unseen: bool) -> None:
    name = path.relative_to(root).as_posix()
    found.skipped.append(Skipped(path=shown(name), reason=reason))
    if is_unseen:
        found.unseen.append(name)


def shown(name: str) -> str:
    """A name as it can be printed and kept: what is no character, or steers a terminal, is escaped."""
    return "".join(
        char.encode("unicode_escape", "surrogatepass").decode() if _is_bad(char) else char for char in name
    )


def _is_bad(char: str) -> bool:
    return char in _REORDERING or unicodedata.category(char) in _BAD


def _reason(root: Path, entry: os.DirEntry[str], rules: Rules, depth: int) -> str | None:
    """Why something is left out; None when it is not."""
    path = Path(entry.path)
    if word := _of_name(path, root):
        return word
    try:
        if entry.is_symlink():
            return _of_link(root, path)
        mode = entry.stat(follow_symlinks=False).st_mode
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    is_folder = stat.S_ISDIR(mode)
    if is_folder and (word := _of_folder(path, depth)):
        return word
    if not is_folder and not stat.S_ISREG(mode):
        return "is no regular file"
    return "is ignored by git" if rules.ignores(path, is_folder=is_folder) else None


def _of_name(path: Path, root: Path) -> str | None:
    if any(map(_is_bad, path.name)):
        return "has a name that no answer could cite: rename it"
    if len(path.relative_to(root).as_posix()) > _MAX_PATH:
        return "has too long a path"
    return "is hidden" if path.name.startswith(".") else None


def _of_link(root: Path, path: Path) -> str:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "is a link that leads nowhere"
    return (
        "is a link to what is read in its own place"
        if target.is_relative_to(root)
        else "is a link out of here"
    )


def _of_folder(path: Path, depth: int) -> str | None:
    if path.name in _NOT_OURS:
        return "holds what others wrote, or what is made again"
    if (path / "pyvenv.cfg").exists():
        return "is a virtual environment"
    if (path / "CACHEDIR.TAG").exists():
        return "is a cache"
    return f"is more than {MAX_DEPTH} folders deep" if depth >= MAX_DEPTH else None
