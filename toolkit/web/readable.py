"""Pages as text that a model reads: HTML as what a reader sees, all else as it is."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from toolkit.web.html_text import html_to_text

if TYPE_CHECKING:
    from toolkit.web.fetching import Page

_HTML = ("text/html", "application/xhtml+xml")
# Decoders that take ever longer, or run little programs, are no character sets of pages.
_CHARSETS = re.compile(
    r"(utf-?(8|16|32)|us-ascii|ascii|iso-?8859|latin|cp|windows|koi8|gb|big5|euc|shift|mac)"
)
_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset=[\"']?([A-Za-z0-9_-]{1,40})", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKED_AT = 4096


def readable(page: Page) -> str:
    """Give the text of a page; scripts, styles and what else nobody sees are left out."""
    is_html = page.content_type in _HTML
    text = _decoded(page, is_html)
    return html_to_text(text) if is_html else text


def _decoded(page: Page, is_html: bool) -> str:  # noqa: FBT001
    declared = _DECLARED.search(page.body[:_LOOKED_AT]) if is_html and not page.charset else None
    charset = declared[1].decode("ascii").lower() if declared else page.charset
    for mark, name in _MARKS:
        if page.body.startswith(mark):
            charset = name
    if not _CHARSETS.match(charset):
        charset = "utf-8"
    try:
        return page.body.decode(charset, errors="replace")
    except LookupError:
        return page.body.decode(errors="replace")
