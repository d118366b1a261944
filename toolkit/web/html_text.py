"""HTML as plain text with headings, lists and links marked, in one pass over what lxml's parser tells.

Time grows with the length of the page alone, whatever the page is: Python's own parser takes minutes for
20 KB of `<a <a <a`, converters to Markdown search spaces back and forth, and trees fail on depth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNSEEN = frozenset(
    {
        "script", "style", "noscript", "template", "svg", "iframe", "object", "head", "nav", "form",
        "button", "select",
    }
)  # fmt: skip
_APART = frozenset(
    {
        "p", "div", "section", "article", "main", "header", "footer", "aside", "blockquote", "ul", "ol", "dl",
        "table", "pre", "figure", "figcaption", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "address",
        "details", "fieldset",
    }
)  # fmt: skip
_ON_A_LINE = frozenset(["br", "li", "tr", "dt", "dd", "caption", "option", "summary"])
_CELLS = frozenset({"td", "th"})
_MAX_LINK = 300
_PART, _LINE = 2, 1


class _Writer:
    """What lxml's parser calls for each tag and text, and what becomes of it."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._title: list[str] = []
        self._unseen = self._kept = 0  # depth of what nobody sees, and of text whose spaces count
        self._break = 0
        self._is_spaced = self._is_title = False
        self._links: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._is_title = tag == "title"
        if tag in _UNSEEN:
            self._unseen += 1
        elif self._unseen:
            return
        elif tag == "a":
            link = attributes.get("href", "")
            is_shown = (
                bool(link) and len(link) <= _MAX_LINK and not link.startswith(("#", "javascript:", "data:"))
            )
            self._links.append(link if is_shown else "")
            if is_shown:
                self._write("[")
        else:
            self._separate(tag)
            self._kept += tag == "pre"
            if tag in _CELLS and not self._break:
                self._write(" | ")
            elif tag == "li":
                self._write("- ")
            elif len(tag) == len("h1") and tag[0] == "h" and tag[1].isdigit():
                self._write("#" * int(tag[1]) + " ")

    def end(self, tag: str) -> None:
        self._is_title = False
        if tag in _UNSEEN:
            self._unseen = max(self._unseen - 1, 0)
        elif self._unseen:
            return
        elif tag == "a":
            if self._links and (link := self._links.pop()):
                self._said.append(f"]({link})")
        else:
            self._kept = max(self._kept - (tag == "pre"), 0)
            self._separate(tag)

    def data(self, text: str) -> None:
        if self._is_title:
            self._title.append(text)
        elif self._unseen:
            return
        elif self._kept:
            self._write(text)
        elif words := text.split():
            self._is_spaced |= text[0].isspace()
            self._write(" ".join(words))
            self._is_spaced = text[-1].isspace()
        else:
            self._is_spaced = True

    def comment(self, text: str) -> None:
        """Nobody sees it."""

    def close(self) -> str:
        title = " ".join("".join(self._title).split())
        text = "".join(self._said)
        return f"{title}\n\n{text}" if title and text else title or text

    def _separate(self, tag: str) -> None:
        if tag in _APART:
            self._break = _PART
        elif tag in _ON_A_LINE:
            self._break = max(self._break, _LINE)

    def _write(self, text: str) -> None:
        if self._break:
            if self._said:
                self._said.append("\n" * self._break)
        elif self._is_spaced and self._said and not self._said[-1].endswith((" ", "[")):
            self._said.append(" ")
        self._break, self._is_spaced = 0, False
        self._said.append(text)


def html_to_text(html: str) -> str:
    """Give what a reader sees of a page, its title first."""
    from lxml import etree  # noqa: PLC0415 - an extra

    parser = etree.HTMLParser(target=_Writer(), recover=True)
    parser.feed(html)
    return cast("str", parser.close())
