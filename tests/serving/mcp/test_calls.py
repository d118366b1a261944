"""Each tool, called by the official client."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp.types import CallToolResult

from graph.agent import Agent
from graph.services import Services
from graph.settings import Settings
from sandbox import Evidence
from serving.mcp import answers
from serving.mcp.desk import Desk
from serving.mcp.offers import OFFERS, described
from serving.mcp.server import _call
from tests.serving.mcp.clients import News, connected, text_of
from tests.support import ASK, BAD, GOOD, PLAN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memory import Memory
    from tests.support import AgentMaker

PASS = {"content": "VERDICT: PASS"}
FILE = {"path": "solution.py", "content": "def double(x):\n    return 2 * x\n"}


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Agent(Settings(home=tmp_path_factory.mktemp("offline"))) as agent:
        yield agent


async def test_what_is_listed_is_whole_and_plain(offline: Agent) -> None:
    async with connected(offline) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"ask", "verify", "memory_search", "sessions"}
    for tool in tools.values():
        assert tool.description
        assert tool.outputSchema is not None
        for schema in (tool.inputSchema, tool.outputSchema):
            jsonschema_rs.meta.validate(schema)
            assert schema["type"] == "object"
        shown = json.dumps(tool.inputSchema)
        assert "$ref" not in shown
        assert "null" not in shown
        assert all(field["description"] for field in tool.inputSchema["properties"].values())


def test_hints_are_true_where_there_is_no_sandbox_too(offline: Agent, tmp_path: Path) -> None:
    def hints(agent: Agent) -> dict[str, tuple[bool | None, bool | None]]:
        found = {tool.name: tool.annotations for tool in described(Desk(agent, turns=1))}
        return {name: (one.readOnlyHint, one.destructiveHint) for name, one in found.items() if one}

    reads, writes = (True, False), (False, True)
    assert hints(offline) == {"ask": writes, "verify": reads, "memory_search": reads, "sessions": reads}
    with Agent(Settings(home=tmp_path, sandbox="none")) as loose:
        assert hints(loose)["verify"] == writes


async def test_ask_answers_with_the_result_and_goes_on_with_its_session(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}, {"content": "It doubles."}], [{"content": GOOD}])
    news = News()
    async with connected(agent) as client:
        arguments = {"question": ASK, "tests": "assert double(4) == 8"}
        done = await client.call_tool("ask", arguments, progress_callback=news)
        assert not done.isError
        assert done.structuredContent is not None
        assert done.structuredContent["verification"]["status"] == "verified"
        assert done.structuredContent["files"][0]["path"] == "solution.py"
        session = done.structuredContent["thread_id"]
        assert f"session {session} · done · verified" in text_of(done)
        again = await client.call_tool("ask", {"question": "Explain it", "session": session, "tests": None})
        assert text_of(again).startswith("It doubles.")
        shown = await client.call_tool("sessions", {"session": session[:8], "limit": 3})
    assert shown.structuredContent is not None
    assert shown.structuredContent["shown"]["turns"] == 2
    assert [one["role"] for one in shown.structuredContent["shown"]["messages"]] == [
        "assistant",
        "user",
        "assistant",
    ]
    assert shown.structuredContent["shown"]["left_out"] == 1
    numbers, words = zip(*news.seen, strict=True)
    assert list(numbers) == sorted(set(numbers))
    order = [words.index(word) for word in ("classify", "reason", "code", "verify: tests ✓", "respond")]
    assert order == sorted(order)


async def test_code_that_is_not_proved_is_an_answer_and_no_error(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}, {"content": "VERDICT: FAIL"}], [{"content": BAD}])
    async with connected(agent) as client:
        done = await client.call_tool("ask", {"question": ASK, "limits": {"max_repairs": 0}})
    assert not done.isError
    assert done.structuredContent is not None
    assert done.structuredContent["verification"]["status"] == "failed"
    assert done.structuredContent["bounds"]["cycles"][0]["limit"] == 0


async def test_files_are_what_the_question_is_about(make_agent: AgentMaker) -> None:
    agent = make_agent([PASS], [PASS])
    async with connected(agent) as client:
        done = await client.call_tool(
            "ask", {"question": "Review this", "files": [FILE], "task": "code_review"}
        )
    assert done.structuredContent is not None
    assert done.structuredContent["route"] == "review"


async def test_a_turn_whose_models_all_fail_is_an_error_with_its_result(make_agent: AgentMaker) -> None:
    agent = make_agent([{"error": "auth"}], [PASS], model_tries=1)
    async with connected(agent) as client:
        done = await client.call_tool("ask", {"question": "Why is the sky blue?"})
    assert done.isError
    assert done.structuredContent is not None
    assert done.structuredContent["status"] == "failed"


async def test_nobody_is_waited_for_to_approve_a_plan(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}, PASS], [{"content": GOOD}], plan_approval=True)
    async with connected(agent) as client:
        done = await client.call_tool("ask", {"question": ASK})
    assert done.structuredContent is not None
    assert done.structuredContent["status"] == "done"


async def test_limits_are_never_wider_than_those_of_the_server(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": "Hello."}], [PASS], max_cost_usd=0.5)
    async with connected(agent) as client:
        wide = {"max_repairs": 9, "max_cost_usd": 0.6, "turn_timeout_s": 10_000}
        for name, value in wide.items():
            done = await client.call_tool("ask", {"question": "hello", "limits": {name: value}})
            assert done.isError
            assert f"limits.{name} is {value:g} and this server allows" in text_of(done)
        done = await client.call_tool("ask", {"question": "hello", "limits": {"max_model_calls": 1}})
    assert done.structuredContent is not None
    assert done.structuredContent["bounds"]["model_calls"] == 1


async def test_verify_runs_code_in_the_sandbox(offline: Agent) -> None:
    news = News()
    async with connected(offline) as client:
        good = await client.call_tool(
            "verify", {"files": [FILE], "tests": "assert double(2) == 4"}, progress_callback=news
        )
        bad = await client.call_tool("verify", {"files": [FILE], "tests": "assert double(2) == 5"})
    assert good.structuredContent is not None
    assert good.structuredContent["status"] == "verified"
    assert "✓ tests" in text_of(good)
    assert "tests ✓" in [word for _, word in news.seen]
    assert not bad.isError
    assert bad.structuredContent is not None
    assert bad.structuredContent["status"] == "failed"
    assert "left is 4, right is 5" in text_of(bad)


async def test_memory_is_searched(tmp_path: Path) -> None:
    with Agent(Settings(home=tmp_path)) as agent:
        async with connected(agent) as client:
            await client.call_tool("ask", {"question": "remember that our deploys are on Fridays"})
            found = await client.call_tool("memory_search", {"query": "deploys", "limit": 1})
            none = await client.call_tool("memory_search", {"query": "zebra"})
            listed = await client.call_tool("sessions", {})
    assert found.structuredContent is not None
    assert [hit["text"] for hit in found.structuredContent["hits"]] == ["our deploys are on Fridays"]
    assert "our deploys are on Fridays" in text_of(found)
    assert none.structuredContent == {"hits": []}
    assert listed.structuredContent is not None
    assert [one["turns"] for one in listed.structuredContent["sessions"]] == [1]


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("ask", {}, "Wrong arguments for ask: question: Field required."),
        ("ask", {"question": " "}, "The request is empty"),
        ("ask", {"question": "x", "tests": "def"}, "tests, line 1: invalid syntax"),
        ("ask", {"question": "x", "task": "fly"}, "task: Input should be 'planning'"),
        ("ask", {"question": "x", "limits": {"max_fun": 1}}, "limits.max_fun: Extra inputs"),
        ("ask", {"question": "x", "session": "a\nb"}, "The thread id 'a\\nb' cannot be used"),
        ("ask", {"question": "x" * 300_000}, "300,000 characters and the limit is"),
        ("verify", {"files": []}, "files: List should have at least 1 item"),
        ("verify", {"files": [{"path": "../a.py", "content": "1"}]}, "'../a.py' is absolute or not normal"),
        ("verify", {"files": [{"path": "a.py", "content": " \n"}]}, "nothing but blank lines"),
        ("verify", {"files": [FILE], "tests": "assert ("}, "tests, line 1"),
        ("memory_search", {"query": "x", "limit": 1000}, "limit: Input should be less than or equal to 50"),
        ("memory_search", {"query": "x", "limit": True}, "limit: give a number, not true"),
        (
            "sessions",
            {"limit": True},
            "Wrong arguments for sessions: limit: give a number, not true or false.",
        ),
        (
            "ask",
            {"question": "x", "limits": {"max_cost_usd": False}},
            "limits.max_cost_usd: give a number",
        ),
        (
            "ask",
            {"question": "x", "limits": {"max_repairs": True}},
            "limits.max_repairs: give a number",
        ),
        ("sessions", {"session": "nobody"}, "No session has the id 'nobody'"),
        ("delete_everything", {}, "There is no tool 'delete_everything': choose one of ask, verify"),
    ],
)
async def test_what_cannot_be_done_is_one_sentence(
    offline: Agent, tool: str, arguments: dict[str, Any], sentence: str
) -> None:
    async with connected(offline) as client:
        done = await client.call_tool(tool, arguments)
    assert done.isError
    assert sentence in text_of(done)
    assert "\n" not in text_of(done)
    assert "Traceback" not in text_of(done)


async def test_without_memory_that_is_said(tmp_path: Path) -> None:
    with Agent(Settings(home=tmp_path, memory="off")) as agent:
        async with connected(agent) as client:
            done = await client.call_tool("memory_search", {"query": "x"})
    assert done.isError
    assert text_of(done).startswith("There is no memory: ")


class Broken:
    """A memory of somebody who embeds the agent, with a bug in it."""

    async def archives(self, *_: object) -> None:
        raise KeyError("postgresql://me:secret@db")

    async def aclose(self) -> None:
        """Nothing is open."""


async def test_of_a_bug_no_more_than_its_name_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = Settings(home=tmp_path)
    services = replace(Services.from_settings(chosen), memory=cast("Memory", Broken()))
    with Agent(chosen, services=services) as agent:
        async with connected(agent) as client:
            done = await client.call_tool("memory_search", {"query": "x"})
    assert done.isError
    assert text_of(done) == "Duograph met an unexpected KeyError: the standard error of its server says more."
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "unexpected KeyError" in printed.err


def test_half_a_character_does_not_break_the_stream_nor_an_escape_the_reader() -> None:
    done = answers.of_evidence(Evidence(status="failed", reason="a \ud800 b \x1b[2Jc"))
    assert "b c" in text_of(done)
    assert CallToolResult.model_validate_json(done.model_dump_json()).structuredContent


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = sorted({name for offer in OFFERS.values() for name in offer.arguments.model_fields} - {"question"})


@settings(max_examples=100)
@given(
    st.sampled_from([*OFFERS, "nothing"]),
    st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=6), JSON, max_size=4),
)
def test_whatever_comes_is_answered(offline: Agent, name: str, arguments: dict[str, Any]) -> None:
    done = asyncio.run(_call(Desk(offline, turns=1), name, arguments, None))
    assert done.content
    assert done.isError or done.structuredContent is not None
    assert done.model_dump_json()
