"""What is read of a page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.web.fetching import Page
from toolkit.web.html_text import html_to_text
from toolkit.web.readable import readable

PIECES = (
    "<a ",
    "<div>",
    "<pre>",
    "</",
    "<!--",
    "<![",
    "&",
    "<a b='",
    "<?",
    "<table><td>",
    "<b><p>",
    " ",
    "\n",
)


def page(body: bytes, content_type: str = "text/html", charset: str = "") -> Page:
    return Page("http://rivers.test/", content_type, charset, body, is_cut=False)


def test_structure_is_kept_and_what_nobody_sees_is_not() -> None:
    text = html_to_text(
        "<head><title> A  page </title><style>p{}</style></head><nav>menu</nav><h2>Two</h2>"
        "<ul><li>one<li><a href='/x'>two </a>!</ul><pre>a\n  b</pre><table><tr><td>1<td>2<tr><td>3</table>"
        "<script>if (a<b) {}</script><!-- no --><p>last<br>line <a href='javascript:x()'>z</a>"
    )
    assert text == ("A page\n\n## Two\n\n- one\n- [two](/x) !\n\na\n  b\n\n1 | 2\n3\n\nlast\nline z")


@pytest.mark.parametrize("piece", PIECES)
def test_no_page_takes_long_or_is_too_deep(piece: str) -> None:
    assert isinstance(html_to_text("<p>a" + piece * 20_000 + "b"), str)


@given(st.text() | st.lists(st.sampled_from([*PIECES, "x", "</p>", "</pre>", "\0", "<title>"])).map("".join))
def test_any_html_gives_a_text(html: str) -> None:
    assert isinstance(readable(page(html.encode(errors="replace"))), str)


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (page("<meta charset=iso-8859-1><p>Fluß".encode("latin-1")), "Fluß"),
        (page("Fluß".encode("utf-16"), "text/plain"), "Fluß"),
        (page("Fluß".encode("utf-8-sig"), "text/plain", "latin-1"), "Fluß"),
        (page(b"a-b", "text/plain", "punycode"), "a-b"),
        (page(b"a", "text/plain", "utf-8-nonsense"), "a"),
        (page(b'<?xml version="1.0" encoding="latin-1"?><html><body>x', "application/xhtml+xml"), "x"),
        (page(b""), ""),
    ],
)
def test_characters_are_read_as_declared_or_as_utf8(found: Page, shown: str) -> None:
    assert readable(found) == shown
