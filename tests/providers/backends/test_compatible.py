"""The table of services that speak OpenAI's API, and what each row sends."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel, SecretStr

from providers import Allowance, LimitReachedError, ModelConfigError, Role, RoleModels, parse_spec
from providers.backend import Backend, Sampling, Timeouts, Wiring
from providers.backends.schema import closed_schema
from providers.backends.script import ScriptShelf
from providers.backends.services import SERVICES, Service
from providers.registry import PROVIDERS
from tests.providers.backends.contract import MODEL, serve
from tests.providers.servers.base import Loopback
from tests.providers.servers.openai_api import OpenAIDialect

QUESTION = [HumanMessage("hi")]
EVERYTHING = Sampling(temperature=1.5, top_p=0.5, frequency_penalty=0.1, presence_penalty=0.2)

services = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)


def built(chain: str, **keys: str) -> Backend:
    spec = parse_spec(chain)
    secrets = {name: SecretStr(key) for name, key in keys.items()}
    return PROVIDERS[spec.provider].build(spec, Wiring(ScriptShelf(), secrets, Timeouts()))


@services
def test_every_row_is_whole(service: Service) -> None:
    row = PROVIDERS[service.name]
    assert row.syntax == f"{service.name}:MODEL[@BASE_URL]"
    assert re.fullmatch(r"https?://[a-z0-9.:-]+(/[a-z0-9/]+)?", service.url)
    assert service.local == service.url.startswith("http://localhost:")
    assert all(re.fullmatch(r"[A-Z_]+(KEY|TOKEN)", name) for name in service.key_variables)
    assert row.server(parse_spec(f"{service.name}:m"), Wiring(ScriptShelf())).url == service.url


@services
def test_a_missing_key_names_the_variable_and_a_local_server_needs_none(service: Service) -> None:
    chain: dict[Role, str] = {"coding": f"{service.name}:m"}
    if service.local:
        assert RoleModels(chain).specs("coding")
        return
    with pytest.raises(ModelConfigError, match=f"needs a key; set {service.key_variables[0]}"):
        RoleModels(chain)


@services
def test_the_key_comes_from_its_own_variable(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-somebody-else")
    monkeypatch.setenv(service.key_variables[-1], "own")
    server = PROVIDERS[service.name].server(parse_spec(f"{service.name}:m"), Wiring(ScriptShelf()))
    assert server.key is not None
    assert server.key.get_secret_value() == "own"


@services
async def test_a_row_sends_what_it_takes_and_nothing_else(service: Service) -> None:
    with serve(service.name) as side:
        backend = side.backend()
        options = backend.sampling(EVERYTHING) if backend.sampling else {}
        options |= backend.output_limit(100) if backend.output_limit else {}
        options |= dict(backend.json_mode or {})
        async for _ in backend.chat.astream(QUESTION, **options):
            pass
        body = side.server.seen[0].body
    names = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
    assert {name for name in names if name in body} == set(service.sampling)
    limits = {name for name in ("max_tokens", "max_completion_tokens") if name in body}
    assert limits == {service.max_tokens}
    assert ("stream_options" in body) == service.stream_options
    assert ("response_format" in body) == service.json_mode


async def test_a_limit_is_told_and_an_answer_that_it_cut_off_is_not_taken() -> None:
    with serve("groq") as side:
        side.server.plays.append("length")
        with pytest.raises(LimitReachedError):
            await side.models().reply(
                "reasoning", QUESTION, step="plan", allowance=Allowance(output_tokens=2)
            )
        assert side.server.seen[0].body["max_completion_tokens"] == 2


async def test_counts_that_stand_in_every_chunk_are_not_added_up() -> None:
    with Loopback(OpenAIDialect(counts_in_every_chunk=True)).running() as server:
        models = RoleModels({"reasoning": f"openai:m@{server.url}/v1"})
        (call,) = (await models.reply("reasoning", QUESTION, step="plan")).calls
    assert (call.input_tokens, call.output_tokens) == (7, 2)


@pytest.mark.parametrize(
    ("provider", "field"),
    [
        ("vllm", "max_model_len"),
        ("vllm", "nothing"),
        ("openrouter", "context_length"),
        ("groq", "context_window"),
        ("lmstudio", "loaded_context_length"),
        ("llamacpp", "nothing"),
        ("deepseek", "max_model_len"),
    ],
)
async def test_the_window_is_asked_of_a_server_that_tells_it(provider: str, field: str) -> None:
    with Loopback(OpenAIDialect(window_field=field)).running() as server:
        backend = built(f"{provider}:{MODEL}@{server.url}/v1")
        assert backend.context_tokens is not None
        told = provider == "llamacpp" or (provider != "deepseek" and field != "nothing")
        assert await backend.context_tokens() == (32_768 if told else None)


async def test_a_server_that_is_down_tells_no_window() -> None:
    backend = built(f"vllm:{MODEL}@http://127.0.0.1:9/v1")
    assert backend.context_tokens is not None
    assert await backend.context_tokens() is None


OPENAI_MODELS = {
    "gpt-4o": {"temperature", "top_p", "frequency_penalty", "presence_penalty"},
    "gpt-5": set(),
    "o3": set(),
    "o9-not-in-any-table": set(),
    "gpt-77-not-in-any-table": set(),
    "davinci-not-in-any-table": {"temperature", "top_p", "frequency_penalty", "presence_penalty"},
}


@pytest.mark.parametrize("model", OPENAI_MODELS)
def test_reasoning_models_of_openai_get_no_sampling(model: str) -> None:
    backend = built(f"openai:{model}", openai="k")
    assert backend.sampling is not None
    assert set(backend.sampling(EVERYTHING)) == OPENAI_MODELS[model]
    assert backend.sampling(Sampling()) == {}


class Inner(BaseModel):
    word: str


class Outer(BaseModel):
    inner: list[Inner]
    note: str | None = None


def test_a_schema_is_strict_only_when_every_field_is_required() -> None:
    closed, strict = closed_schema(Inner.model_json_schema())
    assert (closed["additionalProperties"], strict) == (False, True)
    closed, strict = closed_schema(Outer.model_json_schema())
    assert (closed["$defs"]["Inner"]["additionalProperties"], strict) == (False, False)
    original: dict[str, Any] = Outer.model_json_schema()
    assert original == Outer.model_json_schema(), "the caller's schema must stay as it was"
    assert json.loads(json.dumps(closed)) == closed


def test_a_key_for_an_unknown_provider_is_a_sentence_without_it() -> None:
    with pytest.raises(ModelConfigError, match="did you mean groq") as refused:
        RoleModels({}, api_keys={"grok": SecretStr("canary")})
    assert "canary" not in str(refused.value)


async def test_an_empty_key_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "from-environment")
    with serve("groq") as side:
        models = RoleModels({"reasoning": side.chain}, api_keys={"groq": SecretStr(" ")})
        await models.reply("reasoning", QUESTION, step="plan")
        assert side.server.seen[0].headers["authorization"] == "Bearer from-environment"
