"""`duograph mcp` as a process of its own."""

from __future__ import annotations

import json
import re
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.processes import alive, descendants, wait_for
from tests.serving.commandline import CommandLine, finish
from tests.serving.mcp.clients import News, text_of
from tests.serving.mcp.test_http import client_of, post
from tests.serving.mcp.test_stdio import HELLO, PING, READY
from tests.support import ASK, GOOD, PLAN

if TYPE_CHECKING:
    from tests.serving.commandline import Process

ENDLESS = "```python solution.py\nprint('loose')\nwhile True:\n    pass\n```"
ON_LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def call(number: int, tool: str, **arguments: object) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments, "_meta": {"progressToken": number}}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def say(process: Process, *messages: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
    process.stdin.flush()


def hear(process: Process, word: bytes) -> bytes:
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return line
    pytest.fail(f"{word!r} never came")


async def play(parameters: StdioServerParameters) -> None:
    news = News()
    async with (
        stdio_client(parameters) as (reading, writing),
        ClientSession(reading, writing) as client,
    ):
        assert (await client.initialize()).serverInfo.name == "duograph"
        assert len((await client.list_tools()).tools) == 4
        done = await client.call_tool("ask", {"question": ASK}, progress_callback=news)
        assert done.structuredContent is not None
        assert done.structuredContent["verification"]["status"] == "verified", text_of(done)
    assert news.seen[0] == (1, "classify")


@pytest.mark.slow
async def test_the_official_client_starts_it_and_ends_it(new_interpreter: CommandLine) -> None:
    cli = new_interpreter
    models = cli.models([{"content": PLAN}, {"content": "VERDICT: PASS"}], [{"content": GOOD}])
    await play(
        StdioServerParameters(
            command=sys.executable,
            args=["-m", "duograph", "mcp", "--max-repairs", "0"],
            env=cli.environment | models,
            cwd=cli.folder,
        )
    )


@ON_LINUX
@pytest.mark.parametrize("way", ["it hangs up", "SIGTERM", "SIGINT"])
def test_when_its_client_is_gone_nothing_of_it_is_left(cli: CommandLine, way: str) -> None:
    models = cli.models([{"content": PLAN}], [{"content": ENDLESS}])
    process = cli.start("mcp", env=models | {"DUOGRAPH_VERIFY_TIMEOUT_S": "300"})
    say(process, HELLO, READY, call(1, "ask", question=ASK, session="left"))
    hear(process, b"verify: compile")
    wait_for(lambda: bool(descendants(process.pid)), "the sandbox")
    below = descendants(process.pid)
    if way == "it hangs up":
        assert process.stdin is not None
        process.stdin.close()
    else:
        process.send_signal(getattr(signal, way))
    done = finish(process)
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in done.out.splitlines())
    wait_for(lambda: not any(map(alive, below)), "the sandbox's end")
    [session] = cli.run("sessions", "list", "--json").json
    assert (session["thread_id"], session["status"]) == ("left", None)  # unfinished: `resume` goes on with it


def test_what_else_is_printed_goes_to_standard_error(cli: CommandLine) -> None:
    process = cli.start("mcp", env={"DUOGRAPH_DEBUG": "1"})
    say(process, HELLO, READY, call(1, "verify", files=[{"path": "a.py", "content": "print('noise')"}]), PING)
    hear(process, b'"id":1')
    done = finish(process)
    assert done.code == 0
    assert "noise" not in done.out
    assert "no model is configured" in done.err


async def test_over_http_it_says_where_and_ends_with_ctrl_c(cli: CommandLine) -> None:
    process = cli.start("mcp", "--http", "--port", "0")
    assert process.stderr is not None
    found = next(
        match
        for line in process.stderr
        if (match := re.search(rb"MCP at (http://127\.0\.0\.1:\d+/mcp)", line))
    )
    url = found[1].decode()
    async with client_of(url) as client:
        assert (await client.call_tool("sessions", {})).structuredContent == {"sessions": [], "shown": None}
        assert (await post(url, {"Host": "evil.example"})).status_code == 421
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert (done.code, done.out) == (0, "")
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("words", "env", "sentence"),
    [
        (["--port", "80"], {}, "--port goes with --http"),
        (["--http", "--host", "0.0.0.0"], {}, "lets other machines in"),  # noqa: S104  # that it is refused
        (["--http", "--token-env", "T"], {}, "--token-env T: set it to a token of 16 or more"),
        (["--http", "--token-env", "T"], {"T": "short"}, "--token-env T: set it to a token of 16 or more"),
        (["--turns", "0"], {}, "--turns"),
        (["--max-repairs", "x"], {}, "--max-repairs is 'x'"),
    ],
)
def test_wrong_usage_is_one_sentence(
    shared_cli: CommandLine, words: list[str], env: dict[str, str], sentence: str
) -> None:
    done = shared_cli.run("mcp", *words, env=env)
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err
    assert "Traceback" not in done.err
