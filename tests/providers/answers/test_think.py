"""Thinking is kept away from the answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers import ReasoningSplitter, split_reasoning

FENCED = "Use it so:\n```html\n<think>shown</think>\n```\ndone"

CASES = {
    "plain": ("a < b and c", "a < b and c", ""),
    "outer space stays without thinking": ("\n  a\n", "\n  a\n", ""),
    "in front": ("<think>why</think>\n\nanswer", "answer", "why"),
    "long tag": ("<thinking>why</thinking>answer", "answer", "why"),
    "capitals": ("<Think>why</THINK>answer", "answer", "why"),
    "in the middle": ("one <think>why</think>two", "one two", "why"),
    "twice": ("<think>a</think>x<think>b</think>y", "xy", "a\nb"),
    "empty": ("<think>\n\n</think>\n\nanswer", "answer", ""),
    "lone closing tag": ("why so\n</think>\nanswer", "answer", "why so"),
    "never closed": ("before\n<think>why ```python\nx = 1\n```", "before", "why ```python\nx = 1\n```"),
    "nothing but thinking": ("<think>why", "", "why"),
    "nested": ("<think>a<think>b</think>c</think>d", "d", "a<think>b\nc"),
    "tags in a fence": (FENCED, FENCED, ""),
    "tags in a tilde fence": ("~~~\n</think>\n~~~\nx", "~~~\n</think>\n~~~\nx", ""),
    "tags in a fence that never ends": ("```\n</think>\nx", "```\n</think>\nx", ""),
    "tags in inline code": ("It drops `<think>` blocks.", "It drops `<think>` blocks.", ""),
    "a longer fence holds a shorter one": (
        "````\n```\n</think>\n```\n````\nx",
        "````\n```\n</think>\n```\n````\nx",
        "",
    ),
    "a fence in the thinking hides its tags": (
        "<think>\n```\n</think>\n```\nmore</think>answer",
        "answer",
        "```\n</think>\n```\nmore",
    ),
    "a fence left open in the thinking does not swallow the answer": (
        "<think>\n```python\nx\n</think>\nanswer\n```python\ny\n```",
        "answer\n```python\ny\n```",
        "```python\nx",
    ),
    "a fence and a closing tag on one line": ("<think>\n```\nx\n```</think>answer", "answer", "```\nx\n```"),
    "a fence after thinking": (
        "<think>why</think>\n```python\nif '<think>':\n    pass\n```\n",
        "```python\nif '<think>':\n    pass\n```",
        "why",
    ),
    "a lookalike": ("<thinker> and <think and </ think>", "<thinker> and <think and </ think>", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_text_and_thinking_are_told_apart(case: str) -> None:
    output, text, reasoning = CASES[case]
    split = split_reasoning(output)
    assert (split.text, split.reasoning) == (text, reasoning)


_PARTS = [
    "<think>",
    "</think>",
    "<thinking>",
    "</thinking>",
    "<",
    "</th",
    "```",
    "```py",
    "~~~",
    "`",
    "\n",
    " ",
    "x",
    "é",
]
_outputs = st.lists(st.sampled_from(_PARTS), max_size=25).map("".join)


@st.composite
def _chunked(draw: st.DrawFn) -> list[str]:
    output = draw(_outputs)
    cuts = sorted(draw(st.lists(st.integers(0, len(output)), max_size=12)))
    return [output[start:end] for start, end in zip([0, *cuts], [*cuts, len(output)], strict=True)]


@given(_chunked())
@settings(max_examples=200)
def test_the_borders_of_chunks_change_nothing(chunks: list[str]) -> None:
    splitter = ReasoningSplitter()
    for chunk in chunks:
        splitter.feed(chunk)
    assert splitter.finish() == split_reasoning("".join(chunks))


@given(_outputs)
def test_every_border_at_once_changes_nothing(output: str) -> None:
    splitter = ReasoningSplitter()
    for letter in output:
        splitter.feed(letter)
    assert splitter.finish() == split_reasoning(output)


@given(st.text())
def test_text_without_tags_is_left_alone(text: str) -> None:
    if "think" not in text.lower():
        assert split_reasoning(text).text == text


@given(st.text(st.characters(exclude_characters="<`~")), st.text(st.characters(exclude_characters="<`~")))
def test_thinking_in_front_never_reaches_the_text(thought: str, answer: str) -> None:
    split = split_reasoning(f"<think>{thought}</think>{answer}")
    assert (split.text, split.reasoning) == (answer.strip(), thought.strip())


def test_what_is_shown_early_holds_no_thinking_and_no_half_tag() -> None:
    splitter = ReasoningSplitter()
    shown = [splitter.feed(piece) for piece in ["Hi <th", "ink>why", " so</thi", "nk> there <", "b"]]
    assert shown == ["Hi ", "", "", " there ", "<b"]


def test_many_tags_that_never_close_take_no_recursion() -> None:
    output = "<think>`</think>\n" * 20_000
    assert split_reasoning(output).reasoning.startswith("`")


def test_it_says_when_a_closing_tag_takes_back_what_was_shown() -> None:
    splitter = ReasoningSplitter()
    seen = [(splitter.feed(piece), splitter.took_back) for piece in ("my ", "way</thi", "nk>so", " it is")]
    assert seen == [("my ", False), ("way", False), ("so", True), (" it is", False)]


def test_nothing_is_taken_back_that_was_not_shown() -> None:
    splitter = ReasoningSplitter()
    seen = [(splitter.feed(piece), splitter.took_back) for piece in ("my way</think>so", "<think>b</think>c")]
    assert seen == [("so", False), ("c", False)]


@given(_chunked())
def test_what_was_shown_since_it_last_took_back_is_the_text(chunks: list[str]) -> None:
    splitter, shown = ReasoningSplitter(), ""
    for piece in chunks:
        text = splitter.feed(piece)
        shown = text if splitter.took_back else shown + text
    text = splitter.rest()
    shown = text if splitter.took_back else shown + text
    # A thought that was never closed is closed in the end where its own code had a closing tag.
    assert splitter.finish().text.strip().startswith(shown.strip())


def test_a_long_line_that_may_be_a_fence_is_not_joined_at_each_piece() -> None:
    splitter = ReasoningSplitter()
    assert [splitter.feed("`")] + [splitter.feed("ab ") for _ in range(5)] == [""] * 6
    assert len(splitter._line) == 6  # noqa: SLF001 - what makes the difference is how it is kept
    assert splitter.finish().text == "`" + "ab " * 5
