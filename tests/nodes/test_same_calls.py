"""The same call in other words is the same one; another one never is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr, field_validator

from nodes.same_calls import digest_for
from nodes.tool_calls import digest_of
from toolkit import AnyTool
from toolkit.functions import tool_of
from toolkit.protocol import Arguments, Tool


class Colour(Enum):
    RED = "red"


@dataclass
class Place:
    x: float
    y: float = 0


class Filter(BaseModel):
    tag: str = "all"
    since: float = Field(default_factory=time.perf_counter)
    names: list[str] = Field(default_factory=list)


def find(  # noqa: PLR0913, PLR0917  # one for each kind
    text: str,
    n: int = 0,
    colour: Colour = Colour.RED,
    place: Place | None = None,
    among: set[str] | None = None,
    only: Filter | None = None,
    price: Decimal = Decimal("1.5"),
) -> str:
    """Find something."""
    return f"{text}{n}{colour}{place}{among}{only}{price}"


FIND = tool_of(find, effect="read")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"text": "a"}, {"n": 0, "text": "a"}),
        ({"text": "a", "n": 3}, {"text": "a", "n": "3"}),
        ({"text": "a", "n": 3}, {"n": 3.0, "text": "a"}),
        ({"text": "a"}, {"text": "a", "colour": "red", "place": None}),
        ({"text": "a", "place": {"x": 1}}, {"text": "a", "place": {"y": 0.0, "x": "1"}}),
        ({"text": "a", "among": ["x", "y", "z"]}, {"text": "a", "among": ["z", "x", "y", "x"]}),
        ({"text": "a", "only": {}}, {"text": "a", "only": {"tag": "all", "names": []}}),
        ({"text": "a"}, {"text": "a", "price": "1.5"}),
    ],
)
def test_the_same_call_in_other_words_is_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert digest_for(FIND, "find", one) == digest_for(FIND, "find", other)


@pytest.mark.parametrize(
    "other",
    [
        {"text": "b"},
        {"text": "a", "n": 1},
        {"text": "a", "place": {"x": 1}},
        {"text": "a", "among": []},
        {"text": "a", "only": {"tag": "some"}},
        {"text": "a", "wrong": 1},
        {"text": None},
    ],
)
def test_another_call_is_another(other: dict[str, Any]) -> None:
    assert digest_for(FIND, "find", {"text": "a"}) != digest_for(FIND, "find", other)


@given(st.dictionaries(st.sampled_from("abc"), st.none() | st.integers() | st.text(max_size=3)))
def test_without_a_tool_or_with_arguments_that_do_not_fit_words_alone_count(
    arguments: dict[str, Any],
) -> None:
    assert digest_for(None, "find", arguments) == digest_of("find", arguments)
    assert digest_for(FIND, "find", arguments) == digest_of("find", arguments)


def with_schema(schema: type[BaseModel]) -> AnyTool:
    return Tool(FIND.info, schema, lambda _: "done")


class Hidden(Arguments):
    key: SecretStr


class Odd(Arguments):
    key: str

    @field_validator("key")
    @classmethod
    def broken(cls, key: str) -> str:
        """Fail as no validator should."""
        raise KeyError(key)


@pytest.mark.parametrize("schema", [Hidden, Odd])
def test_what_cannot_be_compared_is_compared_by_its_words(schema: type[BaseModel]) -> None:
    digest: Callable[[str], str] = lambda key: digest_for(with_schema(schema), "f", {"key": key})  # noqa: E731
    assert digest("a") == digest("a") != digest("b")
