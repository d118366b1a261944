"""`tool_choice`: with random weights, so that nothing but the mask can have made the call."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Literal

import pytest
from langchain_core.tools import tool
from pydantic import BaseModel

from providers import ModelConfigError, ModelError
from providers.mlx.forced import answer_schema
from providers.mlx.runner import MlxRunner
from providers.runners import Request, RunnerChatModel
from tests.providers.mlx.tiny import WEATHER


class Place(BaseModel):
    side: Literal["north", "south"]


class Visit(BaseModel):
    """A visit to a place."""

    place: Place
    days: Literal[1, 2]


@tool
def wait(hours: Literal[3, 4]) -> str:
    """Wait for some hours."""
    return str(hours)


TOOLS: list[Any] = [WEATHER, Visit, wait]


@pytest.fixture
async def chat(tiny_model: Path) -> AsyncGenerator[RunnerChatModel]:
    runner = MlxRunner()
    yield RunnerChatModel(runner=runner, model=str(tiny_model), provider="mlx")
    await runner.cleanup()


NAMED = {"type": "function", "function": {"name": "Visit"}}


@pytest.mark.parametrize(
    ("choice", "seed"),
    [
        ("Visit", 0),
        pytest.param(NAMED, 1, marks=pytest.mark.slow),
        pytest.param({"name": "Visit"}, 2, marks=pytest.mark.slow),
    ],
)
async def test_a_named_tool_is_called_with_what_it_takes(
    chat: RunnerChatModel,
    choice: str | dict[str, Any],
    seed: int,
) -> None:
    forced = chat.bind_tools(TOOLS, tool_choice=choice, seed=seed, temperature=1.5)
    message = await forced.ainvoke("Hello")
    (call,) = message.tool_calls
    assert (call["name"], message.content) == ("Visit", "")
    assert Visit.model_validate(call["args"]).days in (1, 2)
    assert call["id"]
    assert message.response_metadata["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    "choice", ["any", *(pytest.param(how, marks=pytest.mark.slow) for how in ("required", True))]
)
async def test_any_tool_will_do(chat: RunnerChatModel, choice: str | bool) -> None:  # noqa: FBT001
    forced = chat.bind_tools([Visit, wait], tool_choice=choice, temperature=1.5, seed=5)
    (call,) = (await forced.ainvoke("Hello")).tool_calls
    assert call["name"] in ("Visit", "wait")
    if call["name"] == "wait":
        assert call["args"]["hours"] in (3, 4)


@pytest.mark.parametrize(
    "choice", ["auto", *(pytest.param(how, marks=pytest.mark.slow) for how in (None, "none", False))]
)
async def test_nobody_is_forced_who_was_not_asked(chat: RunnerChatModel, choice: Any) -> None:  # noqa: ANN401
    message = await chat.bind_tools(TOOLS, tool_choice=choice, max_tokens=8).ainvoke("Hello")
    assert message.tool_calls == []


async def test_a_call_that_the_limit_cuts_is_an_error_and_not_half_a_call(chat: RunnerChatModel) -> None:
    with pytest.raises(ModelError, match="tool call cannot be read") as caught:
        await chat.bind_tools(TOOLS, tool_choice="Visit", max_tokens=4).ainvoke("Hello")
    assert caught.value.kind == "malformed"


def test_a_tool_that_nobody_offered_is_a_sentence(chat: RunnerChatModel) -> None:
    with pytest.raises(ModelConfigError, match="tool_choice='visit' is none of the tools get_weather, Visit"):
        chat.bind_tools(TOOLS, tool_choice="visit")


def test_the_schema_allows_the_wanted_tools_and_no_other_field() -> None:
    parameters = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/N"}},
        "$defs": {"N": {"type": "null"}},
    }
    offered = [
        {"type": "function", "function": {"name": name, "parameters": parameters}}
        for name in ("one", "other")
    ]
    schema = answer_schema(Request([], tools=offered, must_call=("other",)))
    assert schema is not None
    (call,) = schema["anyOf"]
    assert call["properties"]["name"] == {"const": "other"}
    assert call["properties"]["arguments"]["properties"] == {"a": {"type": "null"}}
    assert call["properties"]["arguments"]["additionalProperties"] is False
    assert "$defs" not in str(schema)
    assert answer_schema(Request([])) is None
