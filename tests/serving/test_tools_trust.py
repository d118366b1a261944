"""`duograph tools trust|untrust|trusted`."""

from __future__ import annotations

import json
import os
import pty
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.commandline import CommandLine

SERVERS = {
    "files": {"command": "npx", "args": ["-y", "files"], "env": {"FILES_TOKEN": "hush-hush"}},
    "web": {"url": "https://example.com/mcp", "headers": {"Authorization": "Bearer hush-hush"}},
}


@pytest.fixture
def file(cli: CommandLine) -> Path:
    path = cli.folder / "mcp.json"
    path.write_text(json.dumps({"mcpServers": SERVERS}), encoding="utf-8")
    return path


def test_a_file_is_shown_trusted_listed_and_taken_back(cli: CommandLine, file: Path) -> None:
    done = cli.run("tools", "trust", "mcp.json", "--yes")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == [
        "duograph: files runs npx -y files with the variables FILES_TOKEN",
        "duograph: web asks https://example.com/mcp with the headers Authorization",
        f"duograph: {file} is trusted as it is now.",
    ]
    kept = cli.folder / "home" / "mcp-trust.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "hush" not in kept.read_text(encoding="utf-8")
    assert cli.run("tools", "trusted").out.startswith(f"{file}\ttrusted\t20")
    file.write_text(json.dumps({"mcpServers": {}}), encoding="utf-8")
    (row,) = cli.run("tools", "trusted", "--json").json
    assert (row["path"], row["state"]) == (str(file), "changed since")
    file.unlink()
    assert cli.run("tools", "trusted", "--json").json[0]["state"] == "cannot be read"
    done = cli.run("tools", "untrust", "mcp.json")
    assert (done.code, done.err) == (0, "duograph: mcp.json is not trusted any more.\n")
    assert "no file is trusted" in cli.run("tools", "trusted").err


def test_nobody_is_taken_for_a_yes(cli: CommandLine, file: Path) -> None:
    done = cli.run("tools", "trust", "mcp.json")
    assert done.code == 2
    assert f"Nobody can be asked here: look at {file}, and run this again with --yes." in done.err
    assert cli.run("tools", "trusted", "--json").json == []


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"\n", 2)])
def test_a_person_is_asked(cli: CommandLine, file: Path, answer: bytes, code: int) -> None:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        process = cli.start("tools", "trust", "mcp.json", stdin=theirs, stdout=theirs, stderr=theirs)
        assert process.wait(60) == code
        shown = everything(ours)
    finally:
        os.close(theirs)
        os.close(ours)
    assert f"trust {file} with all that these servers do? [y/n]" in shown
    assert "hush" not in shown
    assert bool(cli.run("tools", "trusted", "--json").json) is (code == 0)


def everything(terminal: int) -> str:
    """What was written to a terminal by a process that has ended."""
    os.set_blocking(terminal, False)
    found = b""
    with suppress(BlockingIOError):
        while chunk := os.read(terminal, 100_000):
            found += chunk
    return found.decode()


def test_what_is_wrong_with_a_file_is_told(cli: CommandLine, file: Path) -> None:
    file.write_text('{"mcpServers": {"a": {}}}', encoding="utf-8")
    done = cli.run("tools", "trust", "mcp.json", "--yes", "--json")
    assert done.code == 2
    assert done.json["error"]["type"] == "ToolConfigError"
    assert "the server 'a' needs either" in done.err
