"""Which files git ignores: the rules of every `.gitignore` from the repository's root down."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pathspec import GitIgnoreSpec

MAX_BYTES: Final = 500_000

_MOST_STARS = 3
"""More stars in one name can make matching it take hours; a rule with more ignores more than it says."""


class RulesError(Exception):
    """A `.gitignore` cannot be read, so that nobody knows what it keeps out."""


class Rules:
    """The rules of one folder, and of those above it.

    Attributes:
        folder: The folder.
        above: The rules of the folder above; None at the repository's root.
    """

    def __init__(self, folder: Path, above: Rules | None = None) -> None:
        """Read the folder's rules.

        Raises:
            RulesError: When its `.gitignore` is there and cannot be read.
        """
        self.folder = folder
        self.above = above
        self._spec = _spec_of(folder / ".gitignore")

    def ignores(self, path: Path, *, is_folder: bool) -> bool:
        """Whether git ignores something in this folder; the rules nearest to it count first."""
        verdict = None
        if self._spec is not None:
            name = path.relative_to(self.folder).as_posix() + "/" * is_folder
            verdict = self._spec.check_file(name).include
        if verdict is None and self.above is not None:
            return self.above.ignores(path, is_folder=is_folder)
        return bool(verdict)


def rules_above(root: Path) -> Rules | None:
    """The rules for `root` of the folders above it, up to its repository's root.

    Returns:
        None outside of a repository, and where `root` itself is ignored: whoever names it wants it.

    Raises:
        RulesError: When one of them cannot be read.
    """
    if (root / ".git").exists():
        return None
    above = []
    for folder in root.parents:
        above.append(folder)
        if (folder / ".git").exists():
            rules: Rules | None = None
            for each in reversed(above):
                rules = Rules(each, rules)
            return None if rules is None or rules.ignores(root, is_folder=True) else rules
    return None


def _spec_of(path: Path) -> GitIgnoreSpec | None:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RulesError(f"its .gitignore cannot be read ({error.strerror})") from None
    if len(data) > MAX_BYTES:
        raise RulesError(f"its .gitignore has more than {MAX_BYTES:,} bytes")
    lines = data.decode("utf-8", "surrogateescape").splitlines()
    return _compile(filter(None, map(_bounded, lines)))


def _compile(lines: Iterable[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415  # only who ingests needs it

    return GitIgnoreSpec.from_lines(line for line in lines if _is_rule(line))


def _is_rule(line: str) -> bool:
    """Whether a line means something; git passes over the others."""
    from pathspec import GitIgnoreSpec  # noqa: PLC0415  # as above

    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        return False
    return True


def _bounded(line: str) -> str:
    """A rule that is quick to match: the same, or one that ignores more; nothing where it would keep more."""
    parts = line.split("/")
    kept = list(_first(parts))
    if len(kept) == len(parts) and kept == parts:
        return line
    return "" if line.startswith("!") else "/".join(kept)


def _first(parts: Iterable[str]) -> Iterable[str]:
    """The parts of a rule, up to the star that is one too many."""
    deep = 0
    for part in parts:
        deep += part == "**"
        if deep > _MOST_STARS:
            return
        stars = [match.end() for match in re.finditer(r"\*+", part)]
        if part != "**" and len(stars) > _MOST_STARS:
            yield part[: stars[_MOST_STARS - 1]]
            return
        yield part
