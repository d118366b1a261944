"""Chunks hold what their lines hold, and leave nothing out."""

import textwrap

from hypothesis import given
from hypothesis import strategies as st

from memory.archives.chunks import MAX_CHARS, chunks_of, records_of
from memory.archives.code import read_python
from memory.archives.document import Document, Section, lines_of
from memory.archives.markdown import read_markdown
from memory.records import Origin

LINES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["", "", "# One", "## Two", "===", "---", "```", "> # Q", "def f():", "    x = 1", "'''"]
    ),
    st.integers(0, 4000).map(lambda size: "word " * (size // 5)),
    st.integers(0, 4000).map(lambda size: "x" * size),
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
TEXTS = st.builds(lambda lines, end: end.join(lines), st.lists(LINES, max_size=60), ENDS)


def as_an_editor_counts(text: str) -> list[str]:
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def check(text: str, document: Document) -> None:
    lines = as_an_editor_counts(text)
    covered: set[int] = set()
    records = records_of(document, archive="a", path="p", revision="r", origin=Origin(source="file"))
    for record in records:
        shown = lines[record.first_line - 1 : record.last_line]
        assert record.text in "\n".join(shown)
        assert len(record.text) <= MAX_CHARS
        assert record.text == "\n".join(shown) or len(shown) == 1
        covered.update(range(record.first_line, record.last_line + 1))
    assert all(number in covered for number, line in enumerate(lines, 1) if line.strip())
    assert len({record.id for record in records}) == len(records)


@given(TEXTS)
def test_the_lines_of_any_text_hold_its_chunks(text: str) -> None:
    check(text, Document(lines_of(text)))


@given(TEXTS)
def test_the_lines_of_any_page_hold_its_chunks(text: str) -> None:
    check(text, read_markdown(text))


STATEMENTS = st.sampled_from(
    [
        "import os",
        "x = '''a\n\nb'''",
        "# a remark",
        "",
        "@wraps\n@twice(\n    1\n)\ndef g(a):\n    return a",
        "class A: x = 1; y = 2",
        "class B:\n    # first\n    def m(self):\n        pass\n\n    z = 3\n"
        + "    value = 'long enough'\n" * 90,
        "async def h():\n" + "    await sleep(1)\n" * 120,
        "\x0c",
        "def broken(:",
    ]
)


@given(st.lists(STATEMENTS, max_size=12).map("\n".join))
def test_the_lines_of_any_module_hold_its_chunks(text: str) -> None:
    check(text, read_python(text))


@given(st.lists(st.integers(0, 900), min_size=1, max_size=30))
def test_no_chunk_has_lines_of_two_long_sections(sizes: list[int]) -> None:
    lines: list[str] = []
    sections = []
    for number, size in enumerate(sizes):
        sections.append(Section(len(lines), f"s{number}"))
        lines += [f"<{number}>" + "y" * (200 + size), ""]
    for chunk in chunks_of(Document(lines, sections)):
        assert chunk.text.count("<") == 1


def test_neighbours_and_the_place_are_searched_with_a_chunk_and_not_shown() -> None:
    text = "# Tea\n\n" + "Boil the water.\n\n" * 100 + "## Green\n\n" + "Wait a while.\n\n" * 40
    records = records_of(
        read_markdown(text), archive="kitchen", path="tea.md", revision="r", origin=Origin(source="file")
    )
    last = records[-1]
    assert last.context.startswith("Tea > Green\n")
    assert "Boil the water." in last.context
    assert "Boil" not in last.text
    assert "Wait" in records[-2].context


def test_functions_and_classes_are_chunks_with_their_decorators_and_remarks() -> None:
    body = "    total += 1  # and so on, for as long as it takes\n" * 6
    long_class = "".join(
        f"    def m{number}(self):\n        total = 0\n{textwrap.indent(body, '    ')}\n"
        for number in range(5)
    )
    text = (
        f"import os\n\nLIMIT = 3  # {'x' * 200}\n\n# Adds.\n@cache\ndef add(total):\n{body}\n"
        f"DONE = '{'y' * 200}'\n\nclass Big:\n    '''{'z' * 200}'''\n\n{long_class}"
    )
    chunks = chunks_of(read_python(text))
    titles = [chunk.title for chunk in chunks]
    assert titles == ["", "def add", "", "class Big", *(f"def Big.m{number}" for number in range(5))]
    assert chunks[1].text.startswith("# Adds.\n@cache\ndef add")


def test_headings_in_fences_and_quotes_cut_nothing() -> None:
    page = read_markdown("# A\n\n```sh\n# no\n```\n\n> # nor this\n\nB\n===\n\n### C\n\n## D\n")
    assert [(section.start, section.title) for section in page.sections] == [
        (0, "A"),
        (8, "B"),
        (11, "B > C"),
        (13, "B > D"),
    ]


def test_a_very_deep_expression_is_text_like_any_other() -> None:
    text = "x = " + "(" * 5000 + ")" * 5000
    check(text, read_python(text))
