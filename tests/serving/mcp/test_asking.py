"""Turns that wait for a person: the client is asked where it can ask, and told what to do where it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mcp.types import (
    ClientCapabilities,
    ElicitationCapability,
    ElicitRequestParams,
    ElicitResult,
    ErrorData,
    FormElicitationCapability,
)

from graph.agent import Agent
from graph.questions import RequestError
from graph.settings import Settings
from nodes import ConsentAnswer
from nodes.consents import AskedCall
from serving.mcp.asking import answer_of, person_at
from tests.serving.mcp.clients import PATIENCE_S, connected, text_of
from tests.support import ASK, GOOD, PLAN, Lines

if TYPE_CHECKING:
    from mcp import ClientSession
    from mcp.client.session import ElicitationFnT
    from mcp.types import CallToolResult

    from tests.support import AgentMaker

Given = ElicitResult | ErrorData
TWO = {
    "tool_calls": [
        {"id": "a", "name": "restart", "args": {"service": "search\x1b[31m"}},
        {"id": "b", "name": "restart", "args": {"service": "mail"}},
    ]
}
SAID = {"content": "So much for that.", "repeat": True}
QUESTION = {"question": "Explain why the search service hangs", "session": "s"}


def says(decision: str, reason: str = "") -> ElicitResult:
    return ElicitResult(action="accept", content={"decision": decision, "reason": reason})


def asked_by(*answers: Given) -> tuple[list[str], ElicitationFnT]:
    """What a person was asked, and a person who gives these answers in turn."""
    seen: list[str] = []

    async def answer(context: Any, params: ElicitRequestParams) -> Given:  # noqa: ANN401  # of the SDK's
        del context
        assert params.mode == "form"
        assert params.requestedSchema["required"] == ["decision"]
        seen.append(params.message)
        return answers[len(seen) - 1]

    return seen, answer


@pytest.fixture
def restarting(script: Callable[[str, Lines], str], tmp_path: Path) -> Iterator[tuple[Agent, list[str]]]:
    """An agent that must ask before it restarts a service, and what it restarted."""
    done: list[str] = []

    def restart(service: str) -> str:
        """Restart a service."""
        done.append(service)
        return "restarted"

    model = script("reasoning", [TWO, SAID])
    with Agent(Settings(home=tmp_path, reasoning_model=model, consent="ask"), tools=[restart]) as agent:
        yield agent, done


async def ask(client: ClientSession, arguments: dict[str, str]) -> CallToolResult:
    found = await client.call_tool("ask", arguments)
    assert found.structuredContent is not None
    return found


async def test_each_call_is_asked_about_as_it_would_be_made_and_the_turn_goes_on(
    restarting: tuple[Agent, list[str]],
) -> None:
    agent, done = restarting
    seen, person = asked_by(says("reject", "It is busy"), says("always"))
    async with connected(agent, asked=person) as client:
        found = await ask(client, QUESTION)
    assert found.structuredContent is not None
    uses = {use["id"]: use for use in found.structuredContent["tool_uses"]}
    assert (done, uses["a"]["outcome"], uses["b"]["outcome"]) == (["mail"], "refused", "ok")
    assert "did not consent to this call: It is busy." in uses["a"]["excerpt"]
    assert text_of(found).startswith("So much for that.")
    assert [line.splitlines()[1] for line in seen] == [
        f"call {number} of 2: restart (source: own)" for number in (1, 2)
    ]
    assert '\n  service = "mail"\n' in seen[1]
    assert "\x1b" not in seen[0]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        ElicitResult(action="cancel"),
        ElicitResult(action="accept", content={}),
        says("perhaps"),
        ErrorData(code=-32000, message="no window"),
    ],
    ids=["cannot ask", "cancels", "says nothing", "says anything", "fails"],
)
async def test_without_an_answer_the_turn_waits_and_the_client_is_told_how_it_goes_on(
    restarting: tuple[Agent, list[str]], answer: Given | None
) -> None:
    agent, done = restarting
    person = asked_by(answer)[1] if answer is not None else None
    async with connected(agent, asked=person) as client:
        found = await ask(client, QUESTION)
    assert not done
    assert found.structuredContent is not None
    assert (found.isError, found.structuredContent["status"]) == (False, "waiting")
    assert "the turn waits: answer with `duograph resume s` where the server runs" in text_of(found)
    result = await agent.aresume("s", approve=True)
    assert (result.status, len(done)) == ("done", 2)


async def test_an_answer_is_not_taken_for_calls_that_were_put_in_the_place_of_those_shown(
    restarting: tuple[Agent, list[str]],
) -> None:
    agent, done = restarting

    async def person(_: str, __: dict[str, Any]) -> dict[str, Any]:
        return {"decision": "approve"}

    waiting = await agent.aask("Explain why the search service hangs", thread_id="s")
    shown = [AskedCall(**{**call, "arguments": {"service": "bank"}}) for call in waiting.asked]
    answer = await answer_of(person, waiting.model_copy(update={"asked": shown}))
    assert isinstance(answer, ConsentAnswer)
    with pytest.raises(RequestError, match="other calls wait by now"):
        await agent.aresume("s", consent=answer)
    assert not done


async def test_whoever_declines_has_not_consented(restarting: tuple[Agent, list[str]]) -> None:
    agent, done = restarting
    _, person = asked_by(ElicitResult(action="decline"), ElicitResult(action="decline"))
    async with connected(agent, asked=person) as client:
        found = await ask(client, QUESTION)
    assert found.structuredContent is not None
    assert (done, found.structuredContent["status"]) == ([], "done")


@pytest.mark.parametrize(("decision", "status"), [("approve", "done"), ("reject", "declined")])
async def test_a_plan_is_shown_and_approved_where_the_client_can_ask(
    make_agent: AgentMaker, decision: str, status: str
) -> None:
    agent = make_agent(
        [{"content": PLAN}, {"content": "VERDICT: PASS"}], [{"content": GOOD}], plan_approval=True
    )
    seen, person = asked_by(says(decision, "Too large"))
    async with connected(agent, asked=person) as client:
        found = await ask(client, {"question": ASK})
    assert found.structuredContent is not None
    assert (found.structuredContent["status"], len(seen)) == (status, 1)
    assert seen[0].startswith("Shall code be written by this plan?\n\n")


async def test_a_client_that_leaves_while_its_person_thinks_leaves_the_turn_waiting(
    restarting: tuple[Agent, list[str]],
) -> None:
    agent, done = restarting
    is_asked = asyncio.Event()

    async def never(context: Any, params: ElicitRequestParams) -> Given:  # noqa: ANN401  # of the SDK's
        del context, params
        is_asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with asyncio.timeout(PATIENCE_S), connected(agent, asked=never) as client:
        asking = asyncio.create_task(ask(client, QUESTION))
        await is_asked.wait()
        asking.cancel()
    assert not done
    assert await agent.standing("s") == "asking"


async def test_who_has_no_forms_is_not_asked_and_who_does_not_answer_is_given_up() -> None:
    class Session:
        def __init__(self, can: dict[str, Any]) -> None:
            capabilities = ClientCapabilities(elicitation=ElicitationCapability(**can))
            self.client_params = type("Params", (), {"capabilities": capabilities})

        async def elicit_form(self, *_: object) -> None:
            await asyncio.Event().wait()

    only_links: Any = Session({"url": {}})
    assert person_at(only_links, 1) is None
    silent: Any = Session({"form": FormElicitationCapability()})
    person = person_at(silent, 1, patience_s=0.01)
    assert person is not None
    assert await person("Well?", {}) is None
