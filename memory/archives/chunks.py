"""Documents into chunks: whole sections where they are short, cut at paragraphs where they are long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from memory.records import Origin, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memory.archives.document import Document

MAX_CHARS: Final = 1500
"""The longest chunk, in characters: some 400 tokens, which every embedding model takes whole."""

ENOUGH_CHARS: Final = 1000
"""A chunk of this length takes no further paragraph."""

FEW_CHARS: Final = 200
"""A section shorter than this shares a chunk with the next one."""

OVERLAP_CHARS: Final = 300
"""So much of the chunk before and of the one after is searched with a chunk."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a document.

    Attributes:
        text: Its lines, or a piece of one line that is too long for one chunk.
        first: Its first line, counted from 0.
        last: Its last line.
        title: Of the section that it begins in.
    """

    text: str
    first: int
    last: int
    title: str


@dataclass(frozen=True, slots=True)
class _Span:
    """Lines `first` to `end`, without `end`."""

    first: int
    end: int
    title: str


def chunks_of(document: Document) -> list[Chunk]:
    """Cut a document; every line that shows anything is in at least one chunk."""
    found: list[Chunk] = []
    for span in _sections(document):
        for part in _parts(document.lines, span):
            found += _texts(document.lines, part)
    return found


def records_of(document: Document, *, archive: str, path: str, revision: str, origin: Origin) -> list[Record]:
    """Cut a document into records; a chunk that comes twice in the same place comes once.

    Args:
        document: What was read in the file.
        archive: The archive it belongs to.
        path: The file, relative to what is ingested.
        revision: Of the file.
        origin: Where it comes from.
    """
    chunks = chunks_of(document)
    found: dict[str, Record] = {}
    for index, chunk in enumerate(chunks):
        record = Record(
            kind="chunk",
            text=chunk.text,
            context=_context(chunks, index),
            archive=archive,
            path=path,
            first_line=document.number(chunk.first),
            last_line=document.number(chunk.last),
            revision=revision,
            origin=origin,
        )
        found.setdefault(record.id, record)
    return list(found.values())


def _context(chunks: Sequence[Chunk], index: int) -> str:
    """What is searched with a chunk: its title, and the ends of its neighbours."""
    before = chunks[index - 1].text[-OVERLAP_CHARS:] if index else ""
    after = chunks[index + 1].text[:OVERLAP_CHARS] if index + 1 < len(chunks) else ""
    return "\n".join(part for part in (chunks[index].title[:MAX_CHARS], before, after) if part)


def _sections(document: Document) -> Iterator[_Span]:
    """The sections, short ones joined with what follows them."""
    starts = [section.start for section in document.sections]
    ends = [*starts[1:], len(document.lines)]
    begun: _Span | None = None
    for section, end in zip(document.sections, ends, strict=True):
        if begun is None:
            begun = _Span(section.start, end, section.title)
        elif (
            _length(document.lines, begun) < FEW_CHARS
            and _length(document.lines, _Span(begun.first, end, "")) <= MAX_CHARS
        ):
            title = "\n".join(dict.fromkeys(part for part in (begun.title, section.title) if part))
            begun = _Span(begun.first, end, title)
        else:
            yield begun
            begun = _Span(section.start, end, section.title)
    if begun is not None:
        yield begun


def _parts(lines: Sequence[str], span: _Span) -> Iterator[_Span]:
    """A section in parts of whole lines, none longer than a chunk unless it is one line."""
    if _length(lines, span) <= MAX_CHARS:
        yield span
        return
    first, size = span.first, 0
    for block in _blocks(lines, span):
        length = _length(lines, block)
        if size and (size >= ENOUGH_CHARS or size + length > MAX_CHARS):
            yield _Span(first, block.first, span.title)
            first, size = block.first, 0
        size += length
    yield _Span(first, span.end, span.title)


def _blocks(lines: Sequence[str], span: _Span) -> Iterator[_Span]:
    """Paragraphs with the blank lines after them; those too long for a chunk line by line."""
    first = span.first
    for index in range(span.first, span.end):
        is_last = index + 1 == span.end
        if not is_last and (lines[index].strip() or not lines[index + 1].strip()):
            continue
        block = _Span(first, index + 1, span.title)
        if _length(lines, block) <= MAX_CHARS:
            yield block
        else:
            yield from (_Span(line, line + 1, span.title) for line in range(first, index + 1))
        first = index + 1


def _texts(lines: Sequence[str], span: _Span) -> Iterator[Chunk]:
    """The chunk of a part, without blank lines around it; pieces where it is one line that is too long."""
    shown = [index for index in range(span.first, span.end) if lines[index].strip()]
    if not shown:
        return
    first, last = shown[0], shown[-1]
    text = "\n".join(lines[first : last + 1])
    for start in range(0, len(text), MAX_CHARS):
        if (piece := text[start : start + MAX_CHARS]).strip():
            yield Chunk(piece, first, last, span.title)


def _length(lines: Sequence[str], span: _Span) -> int:
    return sum(len(lines[index]) + 1 for index in range(span.first, span.end))
