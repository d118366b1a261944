"""Finding runners by name, as a program and as a package that brings one."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from providers import ModelConfigError, ModelError, RoleModels
from providers.backend import Sampling
from providers.runners import (
    End,
    LoadedModel,
    Piece,
    Request,
    RunnerChatModel,
    RunnerRegistry,
    ToolRequest,
    get_runner,
    register_runner,
    runner_names,
)

if TYPE_CHECKING:
    from providers.runners import Runner


class Parrot:
    """Says what it was told, and what it was asked to do with it."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.model = ""
        self.cleaned = False

    async def load(self, model: str) -> LoadedModel:
        self.model = model
        return LoadedModel(context_tokens=9_999, tools=model != "plain", json_schema=model != "plain")

    async def generate(self, request: Request) -> AsyncGenerator[Piece | End, None]:
        self.seen.append(request)
        text = str(request.messages[-1]["content"])
        if request.tools:
            yield Piece(tool_calls=(ToolRequest("say", {"word": "ä"}), ToolRequest("say", {}, id="mine")))
        yield Piece(reasoning="hm")
        yield Piece(text=text)
        yield End("stop", 5, 3, cached_tokens=2, reasoning_tokens=1)

    async def cleanup(self) -> None:
        self.cleaned = True


TOOL = {"type": "function", "function": {"name": "say", "description": "s", "parameters": {}}}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that is installed and names runners."""
    (tmp_path / "parrots.py").write_text(
        "from tests.providers.runners.test_registry import Parrot\nfine = 3\n"
    )
    (tmp_path / "broken_parrot.py").write_text("raise ImportError('no feathers')\n")
    info = tmp_path / "parrots-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parrots\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[duograph.runners]\nparrot = parrots:Parrot\nbroken = broken_parrot:Parrot\nnumber = parrots:fine\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_ours_are_known_and_nothing_heavy_is_imported() -> None:
    names = RunnerRegistry().names()
    assert {"mlx", "vllm"} <= set(names)
    assert type(RunnerRegistry().create("mlx")).__name__ == "MlxRunner"
    assert "vllm" not in sys.modules


def test_a_program_registers_its_own() -> None:
    registry = RunnerRegistry()
    registry.register("parrot", Parrot)
    assert isinstance(registry.create("parrot"), Parrot)
    assert registry.create("parrot") is not registry.create("parrot")


def test_a_name_is_taken_only_on_purpose() -> None:
    registry = RunnerRegistry()
    with pytest.raises(ModelConfigError, match="There is a runner 'mlx' already"):
        registry.register("mlx", Parrot)
    registry.register("mlx", Parrot, replace=True)
    assert isinstance(registry.create("mlx"), Parrot)


@pytest.mark.parametrize("name", ["", "My Runner", "Parrot", "a:b"])
def test_a_malformed_name_is_refused(name: str) -> None:
    with pytest.raises(ModelConfigError, match="must be a lower-case identifier"):
        RunnerRegistry().register(name, Parrot)


@pytest.mark.parametrize(
    ("name", "factory", "words"),
    [
        (5, Parrot, "The runner name '5' must be a lower-case identifier"),
        ("nothing", None, "The factory of the runner 'nothing' is 'None'; give a class"),
    ],
)
def test_what_is_no_runner_is_not_registered(name: Any, factory: Any, words: str) -> None:  # noqa: ANN401
    with pytest.raises(ModelConfigError, match=words):
        RunnerRegistry().register(name, factory)


def test_a_factory_that_makes_no_runner_is_a_sentence() -> None:
    registry, made = RunnerRegistry(), iter([5])
    registry.register("five", lambda: cast("Runner", next(made)))
    with pytest.raises(ModelConfigError, match="gave int, which has no load and no generate and no cleanup"):
        registry.create("five")
    with pytest.raises(ModelConfigError, match=r"'five' cannot be made \(StopIteration:\); repair its"):
        registry.create("five")


class Wingless(Parrot):
    """Tells when the agent starts, or when it is loaded, that something is missing."""

    def check(self, model: str) -> None:
        if model == "early":
            raise ModelConfigError("it needs wings; run: pip install wings")

    async def load(self, model: str) -> LoadedModel:
        raise ModelConfigError(f"{model} has no wings")


async def test_what_a_runner_misses_is_told_when_the_agent_starts() -> None:
    register_runner("wingless", Wingless, replace=True)
    with pytest.raises(ModelConfigError, match="The reasoning model: it needs wings"):
        RoleModels({"reasoning": "runner:wingless:early, offline"})
    with pytest.raises(ModelConfigError, match="runner:vllm:m needs vLLM; run: pip install vllm"):
        RoleModels({"reasoning": "runner:vllm:m, offline"})
    with pytest.raises(ModelConfigError, match="is not on this machine; run: duograph pull no-org/m"):
        RoleModels({"reasoning": "runner:mlx:no-org/m, offline"})


async def test_what_shows_only_when_it_is_asked_leaves_the_backup_to_answer() -> None:
    register_runner("wingless", Wingless, replace=True)
    models = RoleModels({"reasoning": "runner:wingless:late, offline"})
    reply = await models.reply("reasoning", [HumanMessage("What can you do?")], step="answer")
    assert [(call.backend, call.error) for call in reply.calls] == [("offline", None)]
    assert "late has no wings" in reply.calls[0].passed_over[0]
    await models.aclose()


async def test_where_nobody_else_is_left_it_is_an_error_of_configuration() -> None:
    register_runner("wingless", Wingless, replace=True)
    models = RoleModels({"reasoning": "runner:wingless:late, runner:wingless:later"})
    with pytest.raises(ModelConfigError, match="late has no wings"):
        await models.reply("reasoning", [HumanMessage("Hi")], step="answer")
    await models.aclose()


class Babbler(Parrot):
    """Gives what no runner may give."""

    async def load(self, model: str) -> LoadedModel:
        return cast("LoadedModel", None) if model == "load" else await super().load(model)

    async def generate(self, request: Request) -> AsyncGenerator[Piece | End, None]:
        text = request.messages[-1]["content"]
        yield cast("Piece", "junk") if text == "junk" else Piece(text=cast("str", None))


@pytest.mark.parametrize(
    ("model", "text", "words"),
    [
        ("load", "", "load of the runner babbler gave None, not a LoadedModel"),
        ("m", "junk", "generate of the runner babbler gave 'junk', not Piece or End"),
        ("m", "none", r"generate of the runner babbler gave Piece\(text=None"),
    ],
)
async def test_nonsense_of_a_runner_is_malformed_and_names_it(model: str, text: str, words: str) -> None:
    chat = RunnerChatModel(runner=Babbler(), model=model, provider="babbler")
    with pytest.raises(ModelError, match=words) as failed:
        await chat.ainvoke(text)
    assert failed.value.kind == "malformed"


def test_an_unknown_name_is_a_sentence() -> None:
    with pytest.raises(ModelConfigError, match=r"Unknown runner 'mxl': did you mean mlx\? Known: .*vllm"):
        get_runner("mxl")


@pytest.mark.usefixtures("package")
def test_a_package_brings_its_own() -> None:
    assert {"parrot", "broken", "number"} <= set(runner_names())
    assert type(get_runner("parrot")).__name__ == "Parrot"


@pytest.mark.usefixtures("package")
def test_a_broken_package_is_a_sentence() -> None:
    with pytest.raises(
        ModelConfigError, match=r"'broken' of parrots cannot be imported \(ImportError: no feath"
    ):
        get_runner("broken")
    with pytest.raises(ModelConfigError, match="'number' of parrots is no factory but int"):
        get_runner("number")


async def test_a_registered_runner_answers_for_a_role() -> None:
    register_runner("role_parrot", Parrot)
    models = RoleModels({"reasoning": "runner:role_parrot:some:model"})
    reply = await models.reply("reasoning", [HumanMessage("Hello")], step="answer")
    assert (reply.text, reply.reasoning) == ("Hello", "hm")
    assert (reply.calls[0].model_id, reply.calls[0].cost_usd) == ("role_parrot:some:model", 0.0)
    await models.aclose()


@pytest.mark.parametrize("model", ["runner:vllm", "runner:vllm:", "runner::x"])
def test_half_a_model_string_is_a_sentence(model: str) -> None:
    with pytest.raises(ModelConfigError, match=r"runner:NAME:MODEL"):
        RoleModels({"reasoning": model})


@pytest.fixture
def chat() -> RunnerChatModel:
    return RunnerChatModel(runner=Parrot(), model="any", provider="parrot")


async def test_the_arguments_of_a_call_reach_the_runner(chat: RunnerChatModel) -> None:
    await chat.ainvoke("Hi", stop=["x"], temperature=0.5, max_tokens=3, seed=1, thinking=False)
    request = chat.runner.seen[0]
    assert request.messages == [{"role": "user", "content": "Hi"}]
    assert request.sampling == Sampling(temperature=0.5)
    assert (request.stop, request.max_tokens, request.seed, request.thinking) == (("x",), 3, 1, False)


async def test_an_unknown_argument_is_a_sentence(chat: RunnerChatModel) -> None:
    with pytest.raises(ModelConfigError, match="takes no argument 'best_of'; known: temperature"):
        await chat.ainvoke("Hi", best_of=3)


async def test_tool_calls_have_ids_and_places(chat: RunnerChatModel) -> None:
    message = await chat.bind_tools([TOOL]).ainvoke("Hi")
    first, second = message.tool_calls
    assert (first["args"], second["id"]) == ({"word": "ä"}, "mine")
    assert first["id"]
    assert message.usage_metadata is not None
    assert message.usage_metadata["input_token_details"]["cache_read"] == 2


async def test_what_a_model_cannot_do_is_a_sentence() -> None:
    plain = RunnerChatModel(runner=Parrot(), model="plain")
    with pytest.raises(ModelError, match="plain cannot call tools"):
        await plain.bind_tools([TOOL]).ainvoke("Hi")
    with pytest.raises(ModelError, match="plain cannot be held to a schema"):
        await plain.ainvoke("Hi", json_schema={})


def test_a_forced_tool_is_refused(chat: RunnerChatModel) -> None:
    with pytest.raises(ModelConfigError, match="tool_choice='any' cannot be enforced by parrot"):
        chat.bind_tools([TOOL], tool_choice="any")


async def test_a_conversation_is_told_as_templates_want_it(chat: RunnerChatModel) -> None:
    call = {"name": "say", "args": {"word": "x"}, "id": "1"}
    blocks: list[str | dict[Any, Any]] = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "I say"},
    ]
    spoken = AIMessage(content=blocks, tool_calls=[call])
    await chat.ainvoke([HumanMessage("a"), spoken, ToolMessage("done", tool_call_id="1")])
    user, assistant, tool = chat.runner.seen[0].messages
    assert (user["content"], tool["content"], tool["role"]) == ("a", "done", "tool")
    assert assistant["content"] == "I say"
    assert assistant["tool_calls"][0]["function"]["arguments"] == {"word": "x"}


async def test_an_image_is_refused(chat: RunnerChatModel) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    with pytest.raises(ModelError, match="takes text only, not image_url"):
        await chat.ainvoke([HumanMessage(content=[picture])])
