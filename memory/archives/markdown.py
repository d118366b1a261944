"""Markdown, cut at its headings."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from memory.archives.document import Document, Section, lines_of

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

SUFFIXES: Final = frozenset({".md", ".markdown", ".mdx"})

MAX_PARSED: Final = 1_000_000
"""A longer text is cut at blank lines alone: a parser's memory grows with it, many times over."""

_RULES = ["fence", "code", "heading", "lheading", "hr", "html_block", "paragraph"]
"""What can hold or hide a heading of the page; lists and quotes, which cost the most, cannot."""


def read_markdown(text: str) -> Document:
    """Read a page; each heading begins a section, titled by the headings above it."""
    lines = lines_of(text)
    if len(text) > MAX_PARSED:
        return Document(lines)
    sections: list[Section] = []
    above: list[tuple[int, str]] = []
    tokens = _parser().parse(text)
    for token, inner in pairwise(tokens):
        if token.type != "heading_open" or token.map is None:
            continue
        level = int(token.tag[1:])
        above = [(other, title) for other, title in above if other < level]
        above.append((level, " ".join(inner.content.split())[:200]))
        sections.append(Section(token.map[0], " > ".join(title for _, title in above)))
    if not sections or sections[0].start:
        sections.insert(0, Section(0))
    return Document(lines, sections)


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415  # only who ingests needs it

    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])
    parser.block.ruler.enableOnly(_RULES)
    return parser
