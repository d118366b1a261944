"""A model that takes no tools is asked without them, and reads what they gave as text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from providers import ModelsFailedError, RoleModels
from providers.answers.again import spoken
from tests.providers.backends.contract import MODEL, one_try
from tests.providers.servers.base import Loopback, Reply, Seen
from tests.providers.servers.ollama_api import OllamaDialect

QUESTION = [HumanMessage("hi")]
TOOL = {
    "type": "function",
    "function": {"name": "add", "description": "Add.", "parameters": {"type": "object"}},
}
CALL = {"name": "add", "args": {"a": 1}, "id": "c1", "type": "tool_call"}
LOOP = [
    SystemMessage("Be brief."),
    HumanMessage("1 + 1?"),
    AIMessage("Let me see.", tool_calls=[CALL]),
    ToolMessage("<tool_result>\n2\n</tool_result>", tool_call_id="c1"),
    HumanMessage("Now answer."),
]


class Toolless(OllamaDialect):
    """Refuses tools as Ollama does."""

    def facts(self, seen: Seen) -> Reply | None:
        if seen.body.get("tools"):
            return self.refusal(400, f"registry.ollama.ai/library/{MODEL} does not support tools")
        return super().facts(seen)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(Toolless()).running() as server:
        yield server


async def test_a_server_that_refuses_tools_is_asked_again_without_them_and_remembered(
    server: Loopback,
) -> None:
    models = one_try(f"ollama:{MODEL}@{server.url}")
    first = await models.reply("reasoning", LOOP, step="plan", tools=[TOOL])
    assert (first.without_tools, first.text) == (True, "Hello")
    assert [call.error for call in first.calls] == ["unknown", None]
    facts = models.facts("reasoning")
    assert len(first.calls) <= facts.attempts + facts.tool_refusals
    second = await models.reply("reasoning", LOOP, step="plan", tools=[TOOL])
    assert [call.error for call in second.calls] == [None]
    assert [message["role"] for message in server.seen[0].body["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    await models.aclose()


async def test_who_needs_tools_is_told_that_there_are_none(server: Loopback) -> None:
    for chain in (f"ollama:{MODEL}@{server.url}", "offline"):
        models = one_try(chain)
        with pytest.raises(ModelsFailedError, match="takes no tools"):
            await models.reply("reasoning", QUESTION, step="plan", tools=[TOOL], needs_tools=True)
        await models.aclose()


async def test_the_offline_model_is_asked_without() -> None:
    reply = await RoleModels({}).reply("reasoning", QUESTION, step="answer", tools=[TOOL])
    assert reply.without_tools
    assert not (await RoleModels({}).reply("reasoning", QUESTION, step="answer")).without_tools


def test_what_tools_gave_is_text_and_roles_take_turns() -> None:
    told = spoken(LOOP)
    assert [message.type for message in told] == ["system", "human", "ai", "human"]
    assert told[2].text == 'Let me see.\n\nI called add({"a": 1}).'
    assert told[3].text == "A tool gave:\n<tool_result>\n2\n</tool_result>\n\nNow answer."
    assert spoken(told) == told
