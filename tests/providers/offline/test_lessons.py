"""What the offline model makes of a finished turn."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.offline.lessons import lesson


def learned(request: str, proof: str = "none") -> Any:  # noqa: ANN401  # JSON
    return json.loads(lesson(json.dumps({"request": request, "proof": proof})).text)


@pytest.mark.parametrize(
    "wish",
    [
        "I prefer tabs.",
        "Please always use type hints.",
        "We use Python 3.11 here.",
        "Never use global variables!",
        "From now on, answer in German.",
    ],
)
def test_a_wish_of_the_user_is_an_insight_in_their_words(wish: str) -> None:
    (insight,) = learned(f"Write a function that adds two numbers. {wish} Thank you.")["insights"]
    assert insight["text"] == f"The user said: {wish}"
    assert 0 < insight["confidence"] < 1


def test_a_request_without_a_wish_teaches_nothing() -> None:
    assert learned("Write a function that validates email addresses", "verified") == {
        "insights": [],
        "patterns": [],
    }


def test_that_code_failed_is_a_pattern() -> None:
    (pattern,) = learned("Write a function that solves chess", "failed")["patterns"]
    assert "solves chess" in pattern["text"]


@given(st.text() | st.dictionaries(st.text(), st.text()).map(json.dumps))
def test_whatever_it_is_given_the_answer_has_the_form(turn: str) -> None:
    answer = json.loads(lesson(turn).text)
    assert set(answer) == {"insights", "patterns"}
