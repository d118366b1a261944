"""The ollama backend against its native API on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from providers import ModelConfigError, ModelsFailedError, RoleModels, RoleParameters, parse_spec
from providers.backend import Backend, Sampling, Wiring
from providers.backends.ollama_chunks import to_chunk
from providers.backends.ollama_messages import to_ollama
from providers.backends.script import ScriptShelf
from providers.registry import PROVIDERS
from tests.providers.backends.contract import MODEL, one_try, serve
from tests.providers.servers.base import Loopback
from tests.providers.servers.ollama_api import OllamaDialect

QUESTION = [HumanMessage("hi")]


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(OllamaDialect()).running() as server:
        yield server


def models(server: Loopback, model: str = MODEL) -> RoleModels:
    return one_try(f"ollama:{model}@{server.url}")


async def test_the_window_grows_with_the_conversation_in_steps_and_never_shrinks(server: Loopback) -> None:
    asking = models(server)
    for text in ("hi", "word " * 6000, "hi"):
        await asking.reply("reasoning", [HumanMessage(text)], step="plan")
    assert [seen.body["options"]["num_ctx"] for seen in server.seen] == [8192, 16_384, 16_384]
    assert all(seen.body["truncate"] is False for seen in server.seen)
    await asking.aclose()


def backend_of(server: Loopback) -> Backend:
    return PROVIDERS["ollama"].build(parse_spec(f"ollama:{MODEL}@{server.url}"), Wiring(ScriptShelf()))


async def test_the_window_is_never_larger_than_the_models(server: Loopback) -> None:
    async for _ in backend_of(server).chat.astream([HumanMessage("word " * 60_000)]):
        pass
    assert server.seen[0].body["options"]["num_ctx"] == 32_768


async def test_a_conversation_that_does_not_fit_is_named_so(server: Loopback) -> None:
    server.plays.append("overflow")
    with pytest.raises(ModelsFailedError) as failed:
        await models(server).reply("reasoning", QUESTION, step="plan")
    assert [call.error for call in failed.value.calls] == ["context_overflow"]


async def test_a_loaded_model_keeps_its_window() -> None:
    with Loopback(OllamaDialect(loaded=20_000)).running() as server:
        await models(server).reply("reasoning", QUESTION, step="plan")
        assert server.seen[0].body["options"]["num_ctx"] == 20_000


@pytest.mark.parametrize(
    ("written", "sent"), {"10m": "10m", "1h30m": "1h30m", "-1": -1, "-1m": "-1m", "0": 0, 300: 300}.items()
)
async def test_a_role_says_how_long_its_model_stays_loaded(
    written: str | int, sent: str | int, server: Loopback
) -> None:
    parameters = RoleParameters.model_validate({"keep_alive": written})
    asking = RoleModels(
        {"coding": f"ollama:{MODEL}@{server.url}", "reasoning": f"ollama:{MODEL}@{server.url}"},
        parameters={"coding": parameters},
    )
    await asking.reply("coding", QUESTION, step="code")
    await asking.reply("reasoning", QUESTION, step="plan")
    assert server.seen[0].body["keep_alive"] == sent
    assert "keep_alive" not in server.seen[1].body
    await asking.aclose()


async def test_a_role_says_how_large_its_window_is_and_what_does_not_fit_is_not_sent(
    server: Loopback,
) -> None:
    asking = RoleModels(
        {"coding": f"ollama:{MODEL}@{server.url}"}, parameters={"coding": RoleParameters(num_ctx=2048)}
    )
    await asking.reply("coding", QUESTION, step="code")
    assert server.seen[0].body["options"]["num_ctx"] == 2048
    with pytest.raises(ModelsFailedError, match="do not fit into its context window of 2048"):
        await asking.reply("coding", [HumanMessage("word " * 3000)], step="code")
    assert len(server.seen) == 1
    await asking.aclose()


async def test_other_apis_are_not_told_how_to_hold_a_model() -> None:
    with serve("openai") as side:
        asking = RoleModels({"coding": side.chain}, parameters={"coding": RoleParameters(num_ctx=256)})
        await asking.reply("coding", [HumanMessage("word " * 3000)], step="code")
        assert not {"num_ctx", "keep_alive", "options"} & set(side.server.seen[0].body)
        await asking.aclose()


@pytest.mark.parametrize(
    ("name", "value"), [("keep_alive", "soon"), ("keep_alive", True), ("keep_alive", ""), ("num_ctx", 1)]
)
def test_a_wrong_way_to_hold_a_model_is_a_sentence(name: str, value: object) -> None:
    with pytest.raises(ModelConfigError, match=f"The coding role's {name} is .*, which is wrong"):
        RoleParameters().updated({name: value}, "coding")


async def test_the_window_is_told(server: Loopback) -> None:
    backend = backend_of(server)
    assert backend.context_tokens is not None
    assert await backend.context_tokens() == 32_768


async def test_limits_and_sampling_go_where_ollama_reads_them(server: Loopback) -> None:
    backend = backend_of(server)
    assert backend.sampling is not None
    assert backend.output_limit is not None
    options = backend.sampling(Sampling(temperature=0.1, presence_penalty=0.2)) | backend.output_limit(9)
    async for _ in backend.chat.astream(QUESTION, stop=["END"], **options):
        pass
    sent = server.seen[0].body["options"]
    assert sent == {
        "temperature": 0.1,
        "presence_penalty": 0.2,
        "num_predict": 9,
        "stop": ["END"],
        "num_ctx": 4096,
    }


async def test_a_model_that_was_not_pulled_is_told_with_the_command(server: Loopback) -> None:
    with pytest.raises(ModelsFailedError, match="run: ollama pull absent") as failed:
        await models(server, "absent").reply("reasoning", QUESTION, step="plan")
    assert [call.error for call in failed.value.calls] == ["not_found"]


async def test_a_server_that_is_down_is_told_with_the_command() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        asking = one_try(f"ollama:m@{url}")
        with pytest.raises(
            ModelsFailedError, match=f"Ollama at {url}; start it with `ollama serve`"
        ) as failed:
            await asking.reply("reasoning", QUESTION, step="plan")
    assert [call.error for call in failed.value.calls] == ["connection"]


HOSTS = {
    "": "http://localhost:11434",
    "0.0.0.0": "http://127.0.0.1:11434",  # noqa: S104 - as an address to ask
    "box:1234": "http://box:1234",
    "box": "http://box:11434",
    "http://box": "http://box:80",
    "https://ollama.com": "https://ollama.com:443",
    "[::1]:99": "http://[::1]:99",
    "::1": "http://[::1]:11434",
    "::": "http://[::1]:11434",
}


@pytest.mark.parametrize("host", HOSTS)
def test_the_address_in_the_environment_is_read_as_ollama_does(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    found = PROVIDERS["ollama"].server(parse_spec("ollama:m"), Wiring(ScriptShelf()))
    assert (found.url, found.source) == (HOSTS[host], "OLLAMA_HOST" if host else "")


def test_an_address_of_the_imitation_of_openai_is_brought_to_the_root() -> None:
    spec = parse_spec("ollama:qwen3:8b@http://localhost:11434/v1")
    assert PROVIDERS["ollama"].server(spec, Wiring(ScriptShelf())).url == "http://localhost:11434"


def test_messages_of_every_kind_are_brought_into_its_form() -> None:
    call = {"name": "add", "args": {"a": 1}, "id": "t1"}
    image = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
    messages = [
        SystemMessage("s"),
        HumanMessage([{"type": "text", "text": "look"}, image]),
        AIMessage("", tool_calls=[call]),
        ToolMessage("2", tool_call_id="t1", name="add"),
    ]
    assert [to_ollama(message) for message in messages] == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "look", "images": ["aGk="]},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": "add", "arguments": {"a": 1}}}],
        },
        {"role": "tool", "content": "2", "tool_name": "add"},
    ]


async def test_an_error_in_the_middle_of_the_answer_is_no_answer(server: Loopback) -> None:
    server.plays.append("error_event")
    with pytest.raises(ModelsFailedError, match="error was encountered") as failed:
        await models(server).reply("reasoning", QUESTION, step="plan")
    assert [call.error for call in failed.value.calls] == ["overloaded"]


async def test_a_server_that_does_not_tell_its_window_in_time_is_asked_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("providers.backends.ollama_chat._FACTS_TIMEOUT_S", 0.05)
    dialect = OllamaDialect()
    dialect.tells.clear()
    with Loopback(dialect).running() as server:
        asked = models(server)
        for _ in range(2):
            assert (await asked.reply("reasoning", QUESTION, step="plan")).text == "Hello"
        dialect.tells.set()
    assert dialect.shown == 1
    assert ["num_ctx" in seen.body["options"] for seen in server.seen] == [False, False]


def test_arguments_of_a_tool_call_may_come_as_a_text() -> None:
    call = {"function": {"name": "add", "arguments": '{"a": 1}'}}
    (made,) = to_chunk({"message": {"tool_calls": [call]}}, "m", 0).tool_calls
    assert (made["name"], made["args"]) == ("add", {"a": 1})
