"""However we end, no server is left behind, nor what it started."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import alive, wait_for
from tests.toolkit.mcp.starting import HERE, by_name, hostile, opened, trusted
from toolkit.running import run

ROOT = HERE.parents[2]
PROGRAM = """
import sys, time
from pathlib import Path
from toolkit.mcp.servers import McpServers
from toolkit.mcp.trust import McpTrust
folder = Path(sys.argv[1])
servers = McpServers([folder / "mcp.json"], McpTrust(folder / "home"))
assert servers.tools()
if sys.argv[2] == "returns":
    raise SystemExit
print("open", flush=True)
time.sleep(600)
"""


def started(pids: Path) -> list[int]:
    return [int(word) for word in pids.read_text(encoding="utf-8").split()]


def wait_until_gone(pids: list[int]) -> None:
    wait_for(lambda: not any(alive(pid) for pid in pids), f"the end of {pids}")


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="its child has made a session of its own")


@needs_linux
def test_close_ends_one_that_ignores_it_and_what_it_started(tmp_path: Path) -> None:
    with opened(tmp_path, {"h": hostile("stays", str(tmp_path / "pids"))}) as servers:
        assert by_name(servers)
        assert all(alive(pid) for pid in started(tmp_path / "pids"))
    wait_until_gone(started(tmp_path / "pids"))


@needs_linux
@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "interrupted", "returns"])
def test_when_we_end_without_closing_they_end_too(tmp_path: Path, how: str) -> None:
    trusted(tmp_path, {"h": hostile("stays", str(tmp_path / "pids"))})
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path), how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == (b"" if how == "returns" else b"open\n")
        if how != "returns":
            program.send_signal(signal.SIGKILL if how == "killed" else signal.SIGINT)
    wait_until_gone(started(tmp_path / "pids"))


@needs_linux
def test_a_killed_keeper_takes_its_server_along(tmp_path: Path) -> None:
    with opened(tmp_path, {"h": hostile("good", str(tmp_path / "pids"))}) as servers:
        tool = by_name(servers)["h__do"]
        (server,) = started(tmp_path / "pids")
        parent = Path(f"/proc/{server}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
        os.kill(int(parent), signal.SIGKILL)
        wait_until_gone([server])
        # It is started again, or this very call is told that it ended.
        outcomes = [asyncio.run(run(tool, {})) for _ in range(2)]
        assert outcomes[1].text == "done"


def test_a_forked_child_neither_uses_nor_ends_what_its_parent_opened(tmp_path: Path) -> None:
    with opened(tmp_path, {"h": hostile("good")}) as servers:
        tool = by_name(servers)["h__do"]
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writing, asyncio.run(run(tool, {})).text.encode())
                servers.close()
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as told:
            said = told.read()
        os.waitpid(child, 0)
        assert said == "MCP servers that a parent process opened cannot be used: open them anew."
        assert asyncio.run(run(tool, {})).text == "done"
