"""`langgraph dev` serves the graph: no key, no network, driven through langgraph-sdk as Studio drives it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client

from graph.settings import Settings
from graph.user_settings import open_user_settings
from tests.forkserver import ForkServer
from tests.serving.commandline import CommandLine

ROOT = Path(__file__).resolve().parents[2]
ASK = "Write a Python function that validates email addresses"

pytestmark = pytest.mark.slow


def says(text: str) -> dict[str, Any]:
    """The input form with one message in it."""
    return {"messages": [{"role": "user", "content": text}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder that the server and the shell share."""
    return tmp_path_factory.mktemp("studio")


@contextmanager
def dev_server(folder: Path, **more: str) -> Iterator[str]:
    """Run `langgraph dev` with `folder` as its data folder and more variables, and give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("LANGSMITH", "OPENAI"))
    }
    log = (folder / "server.log").open("w+")
    config = ROOT / "langgraph.json"
    process = subprocess.Popen(
        [Path(sys.executable).parent / "langgraph", "dev", "--config", config, "--port", str(port),
         "--no-browser", "--no-reload"],
        env=environment | {"LANGGRAPH_NO_VERSION_CHECK": "true", "LANGSMITH_TRACING": "false",
                           "DUOGRAPH_HOME": str(folder), **more},
        cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            if process.poll() is not None:
                break
            try:
                if httpx.get(f"{url}/ok").is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        else:
            pytest.fail(f"langgraph dev did not answer:\n{(folder / 'server.log').read_text()}")
        assert process.poll() is None, (folder / "server.log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(20)
        log.close()


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with open_user_settings(Settings(home=folder, user_settings=False)) as users:
        users.update("default", turn_timeout_s=700)
    with dev_server(folder) as url:
        yield url


async def test_a_run_streams_and_its_thread_is_readable(server: str) -> None:
    async with get_client(url=server) as client:
        thread = await client.threads.create()
        nodes, result = [], None
        async for part in client.runs.stream(
            thread["thread_id"],
            "duograph",
            input=says(ASK),
            context={"tests": "assert validate_email('a@b.co')"},
            stream_mode=["updates", "messages-tuple", "custom", "values"],
        ):
            if part.event == "updates":
                nodes += list(part.data)
            if part.event == "values":
                result = part.data.get("result")
            assert part.event != "error", part.data
        assert nodes == ["classify", "recall", "reason", "code", "verify", "review", "respond", "enrich"]
        assert result is not None
        assert result["verification"]["status"] == "verified"
        assert result["thread_id"] == thread["thread_id"]

        state: Any = await client.threads.get_state(thread["thread_id"])
        assert state["values"]["result"]["status"] == "done"
        history = await client.threads.get_history(thread["thread_id"], limit=20)
        assert len(history) >= 6


async def test_a_second_turn_goes_on_with_the_thread(server: str) -> None:
    async with get_client(url=server) as client:
        thread = await client.threads.create()
        await client.runs.wait(thread["thread_id"], "duograph", input=says("hello"))
        values: Any = await client.runs.wait(thread["thread_id"], "duograph", input=says("What is a monad?"))
        assert len(values["messages"]) == 4
        assert "offline" in values["result"]["answer"]


async def test_studio_sees_the_forms_and_the_drawing(server: str) -> None:
    async with get_client(url=server) as client:
        assistant = (await client.assistants.search(graph_id="duograph"))[0]["assistant_id"]
        schemas = await client.assistants.get_schemas(assistant)
        assert set((schemas["input_schema"] or {})["properties"]) == {"messages"}
        assert {"task", "tests", "max_repairs"} <= set((schemas["context_schema"] or {})["properties"])
        drawing = await client.assistants.get_graph(assistant)
        edges = {(edge["source"], edge["target"]) for edge in drawing["edges"]}
        assert ("review", "code") in edges
        assert len(edges) == 26


async def test_the_server_heeds_what_the_user_has_set_and_a_run_s_context_outranks_it(server: str) -> None:
    async with get_client(url=server) as client:
        bounds = []
        for context in ({}, {"turn_timeout_s": 100}):
            values: Any = await client.runs.wait(None, "duograph", input=says("hello"), context=context)
            bounds.append(values["result"]["bounds"])
        assert 700 <= bounds[0]["seconds"] < 900
        assert 100 <= bounds[1]["seconds"] < 200


async def test_a_bad_request_ends_with_an_answer_there_too(server: str) -> None:
    async with get_client(url=server) as client:
        values: Any = await client.runs.wait(None, "duograph", input=says("  "))
        assert values["result"]["stop_reason"] == "invalid_request"


@pytest.mark.parametrize(("asked", "reason"), [(3, "superstep_limit"), (500, "completed")])
async def test_a_client_cannot_move_the_step_limit_out_of_bounds(
    server: str, asked: int, reason: str
) -> None:
    async with get_client(url=server) as client:
        values: Any = await client.runs.wait(
            None, "duograph", input=says(ASK), config={"recursion_limit": asked}
        )
        result = values["result"]
        assert result["stop_reason"] == reason
        assert result["bounds"]["used"]["supersteps"] <= min(max(asked, 4), result["bounds"]["supersteps"])


async def test_a_plan_is_approved_there_too(server: str) -> None:
    async with get_client(url=server) as client:
        thread = (await client.threads.create())["thread_id"]
        wanted = {"plan_approval": True}
        await client.runs.wait(thread, "duograph", input=says(ASK), context=wanted)
        state: Any = await client.threads.get_state(thread)
        assert state["next"] == ["approve"]
        (asked,) = state["tasks"][0]["interrupts"]
        assert "acceptance" in asked["value"]["plan"]
        assert set(asked["response_schema"]["properties"]) == {"decision", "plan", "reason"}
        await client.runs.wait(thread, "duograph", command={"resume": "perhaps"}, context=wanted)
        state = await client.threads.get_state(thread)
        assert "cannot be used" in state["tasks"][0]["interrupts"][0]["value"]["problem"]
        values: Any = await client.runs.wait(
            thread, "duograph", command={"resume": {"decision": "approve"}}, context=wanted
        )
        assert values["result"]["verification"]["status"] == "verified"
        assert [call["step"] for call in values["result"]["calls"]].count("plan") == 1


async def test_code_is_reviewed_there_too(server: str) -> None:
    async with get_client(url=server) as client:
        code: Any = [{"path": "a.py", "content": "def f():\n    return y\n"}]
        values: Any = await client.runs.wait(
            None, "duograph", input=says("review this"), context={"code": code}
        )
        assert [found["shown_by"] for found in values["result"]["findings"]] == ["lint"]


Shell = Callable[..., Any]


@pytest.fixture
def shell(folder: Path, fork_server: ForkServer | None) -> Shell:
    """What a command with the server's data folder prints as JSON."""
    return lambda *words: (
        CommandLine(folder, fork_server).run(*words, "--json", env={"DUOGRAPH_HOME": str(folder)}).json
    )


async def test_a_session_of_the_server_is_one_of_the_shell(server: str, shell: Shell) -> None:
    async with get_client(url=server) as client:
        thread = (await client.threads.create())["thread_id"]
        await client.runs.wait(thread, "duograph", input=says("hello"))
        assert thread in {summary["thread_id"] for summary in shell("sessions", "list")}
        shell("ask", "What is a monad?", "--thread", thread)
        state: Any = await client.threads.get_state(thread)
        assert [message["type"] for message in state["values"]["messages"]] == ["human", "ai"] * 2
        values: Any = await client.runs.wait(thread, "duograph", input=says("Thank you"))
        assert len(values["messages"]) == 6
    assert shell("sessions", "show", thread)["turns"] == 3


async def test_a_session_of_the_shell_is_one_of_the_server_when_registered(server: str, shell: Shell) -> None:
    thread = shell("ask", "hello")["thread_id"]
    async with get_client(url=server) as client:
        for _ in range(2):  # a second time changes nothing
            assert shell("sessions", "register", thread, "--server", server) == {"registered": [thread]}
        (found,) = await client.threads.search(ids=[thread])
        assert (found["metadata"] or {})["title"] == "hello"
        state: Any = await client.threads.get_state(thread)
        assert state["values"]["result"]["status"] == "done"
        values: Any = await client.runs.wait(thread, "duograph", input=says("What is a monad?"))
        assert len(values["messages"]) == 4


async def test_threads_are_copied_and_deleted_in_the_file(server: str, shell: Shell) -> None:
    async with get_client(url=server) as client:
        thread = (await client.threads.create())["thread_id"]
        await client.runs.wait(thread, "duograph", input=says("hello"))
        async with httpx.AsyncClient() as raw:  # the SDK drops what this answers
            copy = (await raw.post(f"{server}/threads/{thread}/copy")).json()["thread_id"]
        assert len(await client.threads.get_history(copy, limit=50)) > 2
        await client.threads.delete(thread)
        other = (await client.threads.create())["thread_id"]
        await client.runs.wait(other, "duograph", input=says("hello"))
        await client.threads.prune([other], strategy="delete")
    listed = {summary["thread_id"] for summary in shell("sessions", "list")}
    assert copy in listed
    assert not listed & {thread, other}


def test_the_server_misses_nothing_of_the_checkpointer(server: str, folder: Path) -> None:
    assert server
    log = (folder / "server.log").read_text()
    assert "Using custom checkpointer: SqliteSessionSaver" in log
    assert "Custom checkpointer missing" not in log
