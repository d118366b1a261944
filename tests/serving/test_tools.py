"""`duograph tools list`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.toolkit.mcp.starting import hostile, write
from toolkit.registry import TOOLS

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine

AWAY = {"NEO4J_URI": "", "DD_API_KEY": "", "DD_APP_KEY": ""}


def test_every_tool_that_is_built_in_is_listed_with_what_it_lacks(shared_cli: CommandLine) -> None:
    done = shared_cli.run("tools", "list", "--json", env=AWAY)
    assert done.code == 0
    found = {tool["name"]: tool for tool in done.json}
    assert set(found) == set(TOOLS)
    assert found["calculator"]["missing"] is None
    assert found["neo4j_query"]["missing"] == "neo4j_query needs the environment: set NEO4J_URI."
    for name, tool in found.items():
        info = TOOLS[name].info
        assert (tool["effect"], tool["cost"], tool["category"]) == (info.effect, info.cost, info.category)
        assert tool["platforms"] == list(info.platforms)
    assert [(tool["category"], tool["name"]) for tool in done.json] == sorted(
        (info.category, name) for name, info in ((name, row.info) for name, row in TOOLS.items())
    )


def test_in_a_pipe_each_tool_is_a_line_of_cells(shared_cli: CommandLine) -> None:
    done = shared_cli.run("tools", "list", env=AWAY | {"NEO4J_URI": "bolt://127.0.0.1:9"})
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert {len(row) for row in rows} == {7}
    found = {row[1]: row for row in rows}
    assert found["neo4j_query"][5] == "ready"
    assert found["fetch_page"][:3] == ["web", "fetch_page", "network"]


@pytest.mark.parametrize(("words", "named"), [(("tools", "lst"), "lst"), (("tools", "list", "x"), "x")])
def test_a_wrong_word_is_wrong_usage(shared_cli: CommandLine, words: tuple[str, ...], named: str) -> None:
    done = shared_cli.run(*words)
    assert (done.code, done.out) == (2, "")
    assert named in done.err


def test_what_the_settings_choose_is_marked(shared_cli: CommandLine) -> None:
    done = shared_cli.run("tools", "list", "--json", env=AWAY | {"DUOGRAPH_TOOLS": "calculator"})
    assert [tool["name"] for tool in done.json if tool["chosen"]] == ["calculator"]


def test_servers_are_lines_and_are_started_only_when_asked_for(cli: CommandLine) -> None:
    mark = cli.folder / "pid"
    path = write(cli.folder, {"notes": hostile("good", str(mark))})
    env = AWAY | {"DUOGRAPH_MCP_SERVERS": str(path)}
    untrusted = cli.run("tools", "list", "--start", env=env)
    assert untrusted.code == 0
    assert f"duograph tools trust {path}" in untrusted.err
    assert "notes" not in untrusted.out
    assert not mark.exists()
    doctor = cli.run("doctor", "--json", env=env)
    (finding,) = [check for check in doctor.json["checks"] if check["name"] == "tools"]
    assert finding["status"] == "fail"
    assert f"duograph tools trust {path}" in finding["detail"]
    assert cli.run("tools", "trust", str(path), "--yes").code == 0
    listed = cli.run("tools", "list", env=env)
    assert "mcp\tnotes__*\t?\tcheap\tall\tnot started\tchosen" in listed.out.splitlines()
    assert not mark.exists()
    started = {tool["name"]: tool for tool in cli.run("tools", "list", "--start", "--json", env=env).json}
    assert mark.exists()
    assert (started["notes__do"]["effect"], started["notes__do"]["chosen"]) == ("write", True)
    assert started["notes__do"]["source"] == f"MCP server notes of {path}"


@pytest.mark.skipif(sys.platform == "win32", reason="files are read on Linux and macOS")
def test_a_tool_says_where_it_works(shared_cli: CommandLine) -> None:
    found = {tool["name"]: tool for tool in shared_cli.run("tools", "list", "--json").json}
    assert found["read_file"]["platforms"] == ["linux", "darwin"]
    assert found["read_file"]["missing"] is None
