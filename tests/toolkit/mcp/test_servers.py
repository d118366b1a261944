"""A real server over stdio, written with the official SDK; one process serves all tests of this file."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.toolkit.mcp.starting import by_name, official, opened
from toolkit.registry import infos
from toolkit.running import Outcome, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.mcp.servers import McpServers


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[McpServers]:
    environment = {
        **os.environ,
        "OPENAI_API_KEY": "sk-ours",
        "THEIRS": "hush-hush-theirs",
        "ODD": "a${HOME}$b",
    }
    entry = official(env={"SERVICE_TOKEN": "${THEIRS}", "MODE": "${ODD}"})
    with opened(tmp_path_factory.mktemp("mcp"), {"o": entry}, environment=environment) as servers:
        yield servers


def call(servers: McpServers, name: str, **arguments: Any) -> Outcome:  # noqa: ANN401  # any JSON
    return asyncio.run(run(by_name(servers)[f"o__{name}"], arguments))


def test_its_tools_are_offered_with_what_they_can_do(servers: McpServers) -> None:
    tools = by_name(servers)
    assert not servers.notes
    effects = {name.removeprefix("o__"): tool.info.effect for name, tool in tools.items()}
    assert effects.items() >= {"add": "read", "look_up": "network", "note": "write", "die": "write"}.items()
    assert effects["contradicts"] == "write"
    assert not set(tools) & {info.name for info in infos()}
    function = tools["o__visit"].as_schema()["function"]
    place = function["parameters"]["properties"]["places"]["items"]
    assert (place["required"], place["properties"]["zip"]["type"]) == (["city"], "integer")


def test_a_call_gives_its_result(servers: McpServers) -> None:
    outcome = call(servers, "add", first=40)
    assert (outcome.text, outcome.is_error, outcome.clipped) == ("42", False, False)
    assert "Rome" in call(servers, "visit", places=[{"city": "Rome"}]).text


def test_wrong_arguments_never_reach_it(servers: McpServers) -> None:
    assert call(servers, "add", first="x").text == (
        "Wrong arguments for o__add: first: 'x' is not of type 'integer'."
    )
    assert call(servers, "visit", places=[{"zip": 1}]).text == (
        "Wrong arguments for o__visit: places.0: 'city' is a required property."
    )


def test_parts_of_every_kind_become_text(servers: McpServers) -> None:
    assert call(servers, "parts").text.splitlines() == [
        "words",
        "[a picture, 1200 bytes of image/png, not shown]",
        "[from notes://one]",
        "the note",
        "[a link to anote, notes://one]",
    ]


def test_a_failure_is_told_without_its_secrets(servers: McpServers) -> None:
    outcome = call(servers, "fail")
    assert outcome.is_error
    assert outcome.text == (
        "The MCP server o says that this failed: Error executing tool fail: the token is [redacted]"
    )


def test_it_is_given_little_of_our_environment(servers: McpServers) -> None:
    shown = call(servers, "variables").text
    assert '"MODE": "a${HOME}$b"' in shown  # put in once, and not again by those it passes
    assert '"SERVICE_TOKEN": "[redacted]"' in shown
    assert "sk-ours" not in shown
    assert "DUOGRAPH" not in shown
    assert "hush" not in shown


@pytest.mark.parametrize("how", ["cancelled", "given up"])
async def test_it_is_told_when_nobody_waits_any_more(servers: McpServers, tmp_path: Path, how: str) -> None:
    mark = tmp_path / "mark"
    tool = (await asyncio.to_thread(by_name, servers))["o__wait"]
    calling = asyncio.ensure_future(run(tool, {"mark": str(mark)}, timeout_s=20 if how == "cancelled" else 1))
    await asyncio.to_thread(until, mark, "began")
    if how == "cancelled":
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
    else:
        assert (await calling).text == "The tool o__wait was given up after 1 s."
    await asyncio.to_thread(until, mark, "stopped")


def until(mark: Path, word: str) -> None:
    for _ in range(1000):
        if mark.exists() and mark.read_text(encoding="utf-8") == word:
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"{mark} never said {word}")


def test_a_tool_that_changes_counts_as_another_and_the_old_one_is_not_called(servers: McpServers) -> None:
    call(servers, "become", description="Be harmless.")
    before = by_name(servers)["o__newcomer"]
    assert asyncio.run(run(before, {})).text == "here"
    call(servers, "become", description="Delete all.")
    outcome = asyncio.run(run(before, {}))
    assert outcome.is_error
    assert outcome.text == (
        "The MCP server o has changed the tool o__newcomer since it was offered here, so it was not called."
    )
    after = by_name(servers)["o__newcomer"]
    assert after.info.fingerprint != before.info.fingerprint
    assert asyncio.run(run(after, {})).text == "here"


async def test_many_calls_at_once_from_several_loops(servers: McpServers) -> None:
    add = (await asyncio.to_thread(by_name, servers))["o__add"]

    def elsewhere(first: int) -> str:
        return asyncio.run(run(add, {"first": first})).text

    here = asyncio.gather(*(run(add, {"first": n}) for n in range(20)))
    there = await asyncio.gather(*(asyncio.to_thread(elsewhere, n) for n in range(20)))
    assert [outcome.text for outcome in await here] == there == [str(n + 2) for n in range(20)]


def test_one_that_ends_during_a_call_is_started_again(servers: McpServers) -> None:
    outcome = call(servers, "die")
    assert outcome.is_error
    assert outcome.text == (
        "The MCP server o ended and did not answer the call of o__die: it ended with code 3; its last words: "
        '"out of memory"; whether the call took effect is unknown.'
    )
    assert call(servers, "add", first=1).text == "3"


async def test_after_close_nothing_is_called_or_started(tmp_path: Path) -> None:
    servers = opened(tmp_path, {"o": official()})
    tools = {tool.name: tool for tool in await servers.atools()}
    waiting = asyncio.ensure_future(run(tools["o__wait"], {"mark": str(tmp_path / "mark")}))
    await asyncio.to_thread(until, tmp_path / "mark", "began")
    await asyncio.to_thread(servers.close)
    outcome = await waiting
    assert outcome.is_error
    assert "closed" in outcome.text or "ended" in outcome.text
    assert (await run(tools["o__add"], {"first": 1})).text == "The MCP servers are closed."
    servers.close()
