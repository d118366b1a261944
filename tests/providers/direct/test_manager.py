"""The models without the graph: one kind of result, plans carried out, changes at run time, figures."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from duograph import LocalModel, ModelConfigError, ModelManager, OnlineModel, RoleParameters, Settings
from providers import ModelsFailedError, Retries, Role
from providers.ledger import Percentiles
from tests.providers.backends.contract import APIS, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.providers.conftest import FakeOpenAI

TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("provider", APIS)
def test_every_api_gives_the_same_kind_of_result(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with serve(provider) as side:
        side.server.plays.extend(["answer", "answer"])
        results = []
        for make in (OnlineModel, LocalModel):
            with make(side.chain, api_keys=side.keys) as model:
                results.append(model.generate("hi"))
    online, local = results
    assert (online.text, local.text) == ("Hello", "Hello")
    assert online.finish_reason == local.finish_reason == "stop"
    for result in results:
        told = result.metadata
        assert (told.backend, told.model_id) == (side.provider, side.model)
        assert told.first_token_s is not None
        assert 0 < told.first_token_s <= told.latency_s
        assert told.input_tokens
        assert told.output_tokens
        assert (told.cost_usd, told.cost_source) == (0.0, "local server")
        assert [call.error for call in told.attempts] == [None]


def test_a_price_that_nobody_knows_is_none() -> None:
    model = OnlineModel("openai:m@http://example.org", retries=Retries(tries=1))
    with model, pytest.raises(ModelsFailedError) as failed:
        model.generate("hi")
    assert failed.value.calls[0].cost_usd is None


def test_an_online_model_has_a_server_and_a_single_model_is_one() -> None:
    with pytest.raises(ModelConfigError, match="runs in this process; use LocalModel"):
        OnlineModel("offline")
    with pytest.raises(ModelConfigError, match="are 2 models; name one"):
        LocalModel("offline, offline")


def test_tools_are_offered_to_each_model_of_a_chain_and_one_that_takes_none_is_passed_over(
    fake_openai: FakeOpenAI,
) -> None:
    chain = f"offline, openai:m@{fake_openai.url}"
    with ModelManager(Settings(reasoning_model=chain)) as manager:
        result = manager.generate_response("hi", tools=[TOOL])
    assert fake_openai.seen[0].body["tools"][0]["function"]["name"] == "f"
    assert [call.error for call in result.metadata.attempts] == ["unknown", None]


def test_a_task_goes_to_its_role_and_a_wrong_one_is_named(script: Callable[..., str]) -> None:
    settings = Settings(
        reasoning_model=script({"content": "r", "repeat": True}, name="r"),
        coding_model=script({"content": "c", "repeat": True}, name="c"),
    )
    with ModelManager(settings) as manager:
        assert manager.generate_response("x").text == "r"
        assert manager.generate_response("x", "code_generation").text == "c"
        assert manager.generate_response([("system", "s"), ("user", "x")], "planning").text == "r"
        with pytest.raises(ValueError, match="did you mean 'code_review'"):
            manager.generate_response("x", "code_revew")


def test_the_coder_is_given_the_plan_and_never_the_thinking(
    fake_openai: FakeOpenAI, script: Callable[..., str]
) -> None:
    plan = script({"content": "<think>secret</think>1. Double it."})
    settings = Settings(reasoning_model=plan, coding_model=f"openai:m@{fake_openai.url}")
    with ModelManager(settings) as manager:
        planned, implementation = manager.generate_with_planning("Write double(x)")
    assert (planned.text, planned.reasoning, implementation.text) == ("1. Double it.", "secret", "Hello")
    sent = str(fake_openai.seen[0].body["messages"])
    assert "Write double(x)" in sent
    assert "1. Double it." in sent
    assert "secret" not in sent


def test_the_offline_model_plans_and_codes() -> None:
    with ModelManager(Settings()) as manager:
        planned = manager.generate_with_planning("Write a Python function that validates email addresses")
    assert planned.plan.text
    assert "def validate_email" in planned.implementation.text


def test_a_change_holds_from_the_next_call_on(fake_openai: FakeOpenAI) -> None:
    with ModelManager(Settings(coding_model=f"openai:a@{fake_openai.url}")) as manager:
        manager.generate_response("x", "code_generation")
        manager.update_model_config("coding", {"temperature": 0.3, "timeout_s": 40})
        manager.generate_response("x", "code_generation")
        manager.update_model_config("coding", {"model": f"openai:b@{fake_openai.url}", "temperature": None})
        manager.generate_response("x", "code_generation")
        assert manager.models.config("coding").parameters == RoleParameters(timeout_s=40)
    sent = [(seen.body["model"], seen.body.get("temperature")) for seen in fake_openai.seen]
    assert sent == [("a", None), ("a", 0.3), ("b", None)]


@pytest.mark.parametrize(
    ("role", "updates", "words"),
    [
        ("codding", {}, "Unknown role 'codding'"),
        ("coding", {"modle": "offline"}, "has no parameter 'modle': did you mean 'model'?"),
        ("coding", {"model": "opnai:x"}, "Unknown provider"),
        ("coding", {"model": None}, "give a chain of model strings"),
        ("coding", {"temperature": "hot"}, "temperature is 'hot', which is wrong"),
    ],
)
def test_a_wrong_change_is_one_sentence_and_changes_nothing(
    role: Role, updates: dict[str, Any], words: str
) -> None:
    with ModelManager(Settings()) as manager:
        before = manager.models.config("coding")
        with pytest.raises(ModelConfigError, match=words.replace("?", r"\?")):
            manager.update_model_config(role, {"top_p": 0.5} | updates)
        assert manager.models.config("coding") is before


def test_changes_from_many_threads_are_none_lost(script: Callable[..., str]) -> None:
    names = ["temperature", "top_p", "frequency_penalty", "presence_penalty", "timeout_s", "stall_timeout_s"]
    with ModelManager(Settings(coding_model=script({"content": "x", "repeat": True}))) as manager:
        threads = [
            threading.Thread(target=manager.update_model_config, args=("coding", {name: 1.0}))
            for name in names
        ]
        for thread in threads:
            thread.start()
        assert manager.generate_response("x", "code_generation").text == "x"
        for thread in threads:
            thread.join()
        parameters = manager.models.config("coding").parameters
    assert all(getattr(parameters, name) == 1.0 for name in names)


def test_figures_tell_failures_fallbacks_money_and_what_nobody_knows(script: Callable[..., str]) -> None:
    paid = {"input_tokens": 10, "output_tokens": 5, "cost_usd": 0.25}
    first = script({"content": "a", "usage": paid}, {"error": "overloaded"}, name="first")
    second = script({"content": "b", "repeat": True}, name="second")
    unknown = "openai:m@http://example.org/v1"
    settings = Settings(
        reasoning_model=f"{first}, {second}", coding_model=f"{unknown}, {second}", model_tries=1
    )
    with ModelManager(settings) as manager:
        assert [manager.generate_response("x").text for _ in range(2)] == ["a", "b"]
        assert manager.generate_response("x", "code_generation").text == "b"
        stats = manager.get_stats()
    reasoning, coding = stats.roles["reasoning"], stats.roles["coding"]
    assert (reasoning.calls, reasoning.failures, reasoning.fallbacks) == (3, 1, 1)
    assert (reasoning.cost_usd, reasoning.unpriced_calls) == (0.25, 0)
    assert (coding.calls, coding.failures, coding.fallbacks, coding.unpriced_calls) == (2, 1, 1, 1)
    assert stats.models[second].calls == stats.models[second].fallbacks == 2
    assert stats.models[first].fallbacks == 0
    assert stats.models[first].input_tokens >= 10
    assert reasoning.latency_s is not None
    assert 0 < reasoning.latency_s.p50 <= reasoning.latency_s.p95 <= reasoning.latency_s.p99
    assert stats.breakers == {unknown: "closed"}
    assert set(stats.roles) == {"reasoning", "coding"}


async def test_it_works_in_a_running_loop_too(script: Callable[..., str]) -> None:
    settings = Settings(reasoning_model=script({"content": "r", "repeat": True}))
    async with await asyncio.to_thread(ModelManager, settings) as manager:
        answers = await asyncio.gather(*(manager.agenerate_response("x") for _ in range(5)))
        assert {answer.text for answer in answers} == {"r"}
        await manager.aupdate_model_config("reasoning", {"temperature": 1})
        assert manager.get_stats().roles["reasoning"].calls == 5


def test_no_key_shows_in_results_or_figures(fake_openai: FakeOpenAI, canary: str) -> None:
    settings = Settings(reasoning_model=f"openai:m@{fake_openai.url}", openai_api_key=SecretStr(canary))
    with ModelManager(settings) as manager:
        fake_openai.plays.extend(["401", "answer"])
        with pytest.raises(ModelsFailedError) as failed:
            manager.generate_response("x")
        result = manager.generate_response("x")
        told = f"{failed.value} {result!r} {manager.get_stats()!r} {result.model_dump_json()}"
    assert fake_openai.seen[0].headers["authorization"] == f"Bearer {canary}"
    assert canary not in told


class Point(BaseModel):
    x: int


def test_an_answer_in_a_form_is_a_value(script: Callable[..., str]) -> None:
    with ModelManager(Settings(reasoning_model=script({"content": 'Here: {"x": 3,}'}))) as manager:
        assert manager.generate_as("A point", Point).value == Point(x=3)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_percentiles_are_values_that_enough_calls_did_not_exceed(values: list[float]) -> None:
    found = Percentiles.of(values)
    assert found is not None
    for share, value in ((50, found.p50), (95, found.p95), (99, found.p99)):
        assert value in values
        assert sum(each <= value for each in values) * 100 >= share * len(values)
        assert sum(each < value for each in values) * 100 < share * len(values)
