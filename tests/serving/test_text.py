from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.text import clean, counted, one_line, to_json

PIECES = st.sampled_from(
    ["\x1b[31m", "\x1b]0;title\x07", "\x9b2J", "\x1b", "[", "]", "\x07", "m", "a", "\r", "\n", "\x9d"]
)
REORDERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
NOISE = st.one_of(st.text(), st.lists(PIECES).map("".join))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(NOISE)
def test_cleaned_text_has_no_control_characters_but_newline_and_tab(text: str) -> None:
    assert all(unicodedata.category(letter) != "Cc" or letter in "\n\t" for letter in clean(text))


@given(NOISE)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.text(st.characters(exclude_categories=["Cc"], exclude_characters=REORDERING)))
def test_text_without_control_characters_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@given(NOISE)
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;pwned\x07title", "title"),
        ("\x1b]8;;https://x.test\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jwiped", "wiped"),
        ("\x1bPq#0\x1b\\six", "six"),
        ("\x1b]0;never closed", "]0;never closed"),
        ("one\r\ntwo\rthree\ttab", "one\ntwothree\ttab"),
        ("bidi \u202e abc \u2066", "bidi  abc "),
        ("[bold]not markup[/bold] é 漢 🙂", "[bold]not markup[/bold] é 漢 🙂"),
    ],
)
def test_sequences_go_as_a_whole(text: str, left: str) -> None:
    assert clean(text) == left


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 model calls"), (1, "1 model call"), (2, "2 model calls"), (1234, "1,234 model calls")],
)
def test_a_number_of_things_is_said_as_people_say_it(count: int, said: str) -> None:
    assert counted(count, "model call") == said


@given(VALUES)
def test_json_reads_back_and_survives_cleaning(value: object) -> None:
    dumped = to_json(value)
    assert json.loads(dumped) == value
    assert clean(dumped) == dumped
    dumped.encode()


@given(st.recursive(st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_has_no_number_that_json_lacks(value: object) -> None:
    json.loads(to_json(value), parse_constant=pytest.fail)


def test_json_escapes_what_reorders_a_line() -> None:
    assert to_json(REORDERING) == json.dumps(REORDERING)


def test_json_keeps_letters_of_any_script() -> None:
    assert to_json({"é": "漢字"}) == '{"é":"漢字"}'
