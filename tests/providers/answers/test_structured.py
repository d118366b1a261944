"""Answers in a form: by each model's best means, read with patience, asked for once more and no oftener."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from pydantic import BaseModel, SecretStr

from providers import (
    Allowance,
    LimitReachedError,
    ModelsFailedError,
    Retries,
    RoleModels,
    UnfitAnswerError,
)
from providers.answers.lenient_json import json_values
from providers.answers.structured import form_of
from tests.providers.backends.contract import APIS, Side, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


MEANS = {
    "openai": ["json_schema", "json_object", "Point", ""],
    "ollama": ["properties", '"json"', "Point", ""],
    "anthropic": ["json_schema", "Point", ""],
    "bedrock": ["outputConfig", "toolConfig", ""],
}
FIELDS = (
    "response_format",
    "format",
    "output_config",
    "output_format",
    "outputConfig",
    "tools",
    "toolConfig",
)


class Number(BaseModel):
    n: int


@pytest.fixture(params=APIS)
def refusing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Side]:
    """A server that refuses every means but words, now with 400 and now with 422, which Bedrock has not."""
    for name, value in {"REGION": "us-east-1", "ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with serve(request.param) as side:
        refusals = ["400", "400" if side.provider == "bedrock" else "422", "400"]
        side.server.plays.extend([*refusals[: len(MEANS[side.provider]) - 1], "json", "json"])
        yield side


def held_by(side: Side) -> list[str]:
    """What each request to the server was held to the form by."""
    sent = ({name: seen.body[name] for name in FIELDS if name in seen.body} for seen in side.server.seen)
    return [json.dumps(fields) if fields else "" for fields in sent]


async def test_a_server_that_refuses_the_means_is_asked_by_the_next_ones_and_from_then_on_by_those(
    refusing: Side, script: Callable[..., str]
) -> None:
    backup = script({"content": '{"n": 9}'})
    models = RoleModels({"coding": f"{refusing.chain}, {backup}"}, api_keys=refusing.keys)
    found = await models.reply_as("coding", ASK, Number)
    wanted = [means.replace("Point", "Number") for means in MEANS[refusing.provider]]
    assert found.value == Number(n=5), "the backup was asked, though words would have done"
    shown = held_by(refusing)
    assert [means in fields for means, fields in zip(wanted, shown, strict=True)] == [True] * len(wanted)
    assert shown[-1] == ""
    assert [call.error for call in found.reply.calls] == ["unknown"] * (len(wanted) - 1) + [None]
    assert [call.attempt for call in found.reply.calls] == list(range(1, len(wanted) + 1))
    refusing.server.seen.clear()
    assert (await models.reply_as("coding", ASK, Number)).value == Number(n=5)
    assert held_by(refusing) == [""]
    await models.aclose()


async def test_what_is_wrong_with_the_question_itself_is_not_laid_to_the_means(
    fake_openai: FakeOpenAI, script: Callable[..., str]
) -> None:
    models = RoleModels({"coding": f"openai:m@{fake_openai.url}, {script(GOOD | {'repeat': True})}"})
    fake_openai.plays.extend(["400"] * 4)
    found = await models.reply_as("coding", ASK, Point)
    assert [call.error for call in found.reply.calls] == ["unknown"] * 4 + [None]
    fake_openai.seen.clear()
    fake_openai.plays.append("json")
    with pytest.raises(UnfitAnswerError):
        await models.reply_as("coding", ASK, Point)
    assert "json_schema" in str(fake_openai.seen[0].body["response_format"])
    await models.aclose()


@pytest.mark.parametrize("fault", ["401", "404", "overflow", "500"])
async def test_other_refusals_ask_nobody_by_lesser_means(fault: str, fake_openai: FakeOpenAI) -> None:
    models = RoleModels({"coding": f"openai:m@{fake_openai.url}"}, retries=Retries(tries=1))
    fake_openai.plays.append(fault)
    with pytest.raises(ModelsFailedError):
        await models.reply_as("coding", ASK, Point)
    assert len(fake_openai.seen) == 1
    await models.aclose()


async def test_an_ordinary_question_that_is_refused_is_not_asked_again(fake_openai: FakeOpenAI) -> None:
    models = RoleModels({"coding": f"openai:m@{fake_openai.url}"})
    fake_openai.plays.append("400")
    with pytest.raises(ModelsFailedError):
        await models.reply("coding", ASK, step="code")
    assert len(fake_openai.seen) == 1
    await models.aclose()


PLAYS = st.sampled_from(["400", "422", "500", "429", "401", "json", "answer", "tool", "no_text", "cut"])


@settings(max_examples=20)
@given(st.lists(PLAYS, max_size=24), st.integers(1, 3), st.integers(1, 2))
def test_an_answer_in_a_form_never_takes_more_calls_than_its_bound(
    plays: list[str], tries: int, servers: int
) -> None:
    async def ask() -> tuple[int, int]:
        with serve("openai") as side:
            side.server.plays.extend(plays)
            chain = ", ".join(f"openai:m{place}@{side.server.url}/v1" for place in range(servers))
            retries = Retries(tries=tries, random=lambda: 0.0)
            models = RoleModels({"coding": chain}, openai_api_key=SecretStr("k"), retries=retries)
            with contextlib.suppress(ModelsFailedError):
                await models.reply_as("coding", ASK, Point)
            await models.aclose()
            return len(side.server.seen), models.facts("coding").form_attempts

    calls, bound = asyncio.run(ask())
    assert calls <= bound


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
