"""A file as its lines and sections, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together: they share a chunk only with each other, unless they are very few.

    Attributes:
        start: The first line, counted from 0; it ends where the next section begins.
        title: What it is about, such as the headings above it or the name of a function.
    """

    start: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """What can be read in a file.

    Attributes:
        lines: Its text, without line ends.
        sections: In order, the first one at line 0.
        numbers: What each line is cited as, where that is not its own number: a page, a cell.
    """

    lines: Sequence[str]
    sections: Sequence[Section] = (Section(0),)
    numbers: Sequence[int] | None = None

    def number(self, index: int) -> int:
        """What a line is cited as; `index` counts from 0."""
        return index + 1 if self.numbers is None else self.numbers[index]


def without_credentials(document: Document, hide: Callable[[str], str]) -> Document:
    """The same document with what `hide` hides; `hide` leaves the ends of lines alone."""
    sections = [replace(section, title=hide(section.title)) for section in document.sections]
    return replace(document, lines=hide("\n".join(document.lines)).split("\n"), sections=sections)


class NotReadableError(Exception):
    """A file is left out; the message says why, as words that go after its name.

    Attributes:
        is_kept: Whether what is known of it stays, because nobody can tell how it is now.
    """

    def __init__(self, reason: str, *, is_kept: bool = False) -> None:
        super().__init__(reason)
        self.is_kept = is_kept


def lines_of(text: str) -> list[str]:
    """Cut a text where editors count lines, storable; form feeds and the like end none."""
    return storable(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def storable(text: str) -> str:
    """A text as every database takes it: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
