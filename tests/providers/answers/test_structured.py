"""Answers in a form: by each model's best means, read with patience, asked for once more and no oftener."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from pydantic import BaseModel, SecretStr

from providers import Allowance, LimitReachedError, ModelsFailedError, RoleModels, UnfitAnswerError
from providers.answers.lenient_json import json_values
from providers.answers.structured import form_of
from tests.providers.backends.contract import serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.providers.conftest import FakeOpenAI

ASK = [HumanMessage("A point, please.")]


class Point(BaseModel):
    x: int
    label: str = "p"


GOOD = {"content": '{"x": 1}'}
BAD = {"content": '{"x": "one"}'}


@pytest.mark.parametrize(
    "text",
    [
        '{"x": 1}',
        '```json\n{"x": 1}\n```',
        'Sure! Here it is:\n\n{"x": 1}\n\nAnything else?',
        '{"x": 1,}',
        'Of the form {"a": 2} I give:\n```\n{"x": 1,\n}\n```',
        '<think>{"x": 9}</think>{"x": 1}',
    ],
)
async def test_what_models_write_around_json_is_read(text: str, script: Callable[..., str]) -> None:
    models = RoleModels({"coding": script({"content": text})})
    found = await models.reply_as("coding", ASK, Point)
    assert (found.value, len(found.reply.calls)) == (Point(x=1), 1)


async def test_an_answer_that_does_not_fit_is_asked_for_once_more_with_what_is_wrong(
    fake_openai: FakeOpenAI,
) -> None:
    models = RoleModels({"coding": f"openai:m@{fake_openai.url}"})
    with pytest.raises(UnfitAnswerError, match="No answer was a Point: it holds no JSON object") as failed:
        await models.reply_as("coding", ASK, Point)  # the server says Hello
    assert len(failed.value.calls) == len(fake_openai.seen) == 2
    first, second = (seen.body for seen in fake_openai.seen)
    assert '"title": "Point"' in first["messages"][-1]["content"]
    assert first["response_format"]["json_schema"]["name"] == "Point"
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user"]
    assert "it holds no JSON object" in second["messages"][-1]["content"]
    await models.aclose()


async def test_the_second_question_goes_to_the_model_that_answered(script: Callable[..., str]) -> None:
    down = script({"error": "auth"}, GOOD, name="down")
    chain = f"{down}, {script(BAD, GOOD, name='up')}"
    found = await RoleModels({"coding": chain}).reply_as("coding", ASK, Point)
    assert [call.error for call in found.reply.calls] == ["auth", None, None]
    assert found.reply.calls[2].model_id == found.reply.calls[1].model_id
    assert found.reply.place == 1


async def test_both_questions_are_inside_the_allowance(script: Callable[..., str]) -> None:
    models = RoleModels({"coding": script(BAD | {"repeat": True})})
    with pytest.raises(LimitReachedError) as reached:
        await models.reply_as("coding", ASK, Point, allowance=Allowance(attempts=1))
    assert (reached.value.limit, len(reached.value.calls)) == ("model_calls", 1)


async def test_failures_of_the_second_question_hold_the_calls_of_both(script: Callable[..., str]) -> None:
    models = RoleModels({"coding": script(BAD, {"error": "auth"})})
    with pytest.raises(ModelsFailedError) as failed:
        await models.reply_as("coding", ASK, Point)
    assert [call.error for call in failed.value.calls] == [None, "auth"]
    assert models.stats().roles["coding"].calls == 2


async def test_a_tool_call_is_an_answer_too(script: Callable[..., str]) -> None:
    models = RoleModels({"coding": script({"tool_calls": [{"name": "Point", "args": {"x": 4}}]})})
    assert (await models.reply_as("coding", ASK, Point)).value == Point(x=4)


@pytest.mark.parametrize(
    ("provider", "field"),
    [
        ("openai", "response_format"),  # a schema
        ("deepseek", "response_format"),  # JSON of any shape
        ("ollama", "format"),
        ("minimax", "tools"),  # neither
    ],
)
async def test_each_model_is_held_to_the_form_by_its_best_means(provider: str, field: str) -> None:
    with serve(provider) as side:
        models = RoleModels({"coding": side.chain}, api_keys={provider: SecretStr("k")})
        with pytest.raises(UnfitAnswerError):
            await models.reply_as("coding", ASK, Point)
        await models.aclose()
        body = next(seen.body for seen in side.server.seen if "messages" in seen.body)
    sent = {"response_format", "format", "tools"} & set(body)
    assert sent == {field}
    wanted = {"openai": "json_schema", "deepseek": "json_object", "ollama": "properties", "minimax": "Point"}
    assert wanted[provider] in json.dumps(body[field])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), JSON, min_size=1, max_size=4)


@given(
    OBJECTS,
    st.text(st.characters(exclude_characters='{}[]"`,'), max_size=60),
    st.sampled_from(["words", "fence"]),
)
def test_any_object_is_found_between_words_or_in_a_fence(
    value: dict[str, Any], words: str, form: str
) -> None:
    text = json.dumps(value)
    text = f"{words}\n```json\n{text}\n```\n{words}" if form == "fence" else f"{words}{text}{words}"
    assert value in list(json_values(text))


@given(OBJECTS)
def test_extra_commas_never_change_what_strings_hold(value: dict[str, Any]) -> None:
    text = json.dumps(value, indent=1)
    assert value in list(json_values(text[:-2] + ",\n}"))


@given(st.text(max_size=400) | st.text(alphabet='{}[]",: \n`1a\\', max_size=400))
def test_whatever_a_model_writes_is_read_without_an_error(text: str) -> None:
    assert len(list(json_values(text))) <= 1 + text.count("```") + 64


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "{" * 1_000_000])
def test_nesting_without_end_is_no_crash(text: str) -> None:
    assert list(json_values(text)) == []


def test_an_object_that_was_cut_off_is_not_completed() -> None:
    assert list(json_values('{"x": 1, "label": "ab')) == []


def test_a_form_has_a_name_that_every_service_takes() -> None:
    assert form_of(Point).name == "Point"
    assert form_of(Point).schema["required"] == ["x"]
