"""A whole turn over real HTTP: what goes on the wire, and what stays off the disk."""

from pathlib import Path

from graph.agent import Agent
from graph.settings import Settings
from nodes import Status
from tests.providers.conftest import CANARY, FakeOpenAI


def test_no_call_of_a_turn_holds_a_tool_and_the_key_is_written_nowhere(
    fake_openai: FakeOpenAI, tmp_path: Path
) -> None:
    model = f"openai:tiny@{fake_openai.url}"
    settings = Settings(home=tmp_path, reasoning_model=model, coding_model=model, openai_api_key=CANARY)
    with Agent(settings) as agent:
        result = agent.ask("Write a function double(x)", tests="assert double(2) == 4")
        agent.ask("What is a monad?", thread_id=result.thread_id)
    assert len(fake_openai.seen) >= 4
    for seen in fake_openai.seen:
        assert not {"tools", "tool_choice", "functions", "function_call"} & set(seen.body)
        assert seen.headers["authorization"] == f"Bearer {CANARY}"
    assert CANARY not in result.model_dump_json()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert written
    assert CANARY.encode() not in written


def test_a_server_that_fails_midway_ends_in_a_part_that_says_so_and_the_next_turn_is_clean(
    fake_openai: FakeOpenAI, tmp_path: Path
) -> None:
    fake_openai.plays.extend(["cut", "answer"])
    model = f"openai:tiny@{fake_openai.url}"
    with Agent(Settings(home=tmp_path, reasoning_model=model, coding_model=model)) as agent:
        first = agent.ask("What is a monad?")
        second = agent.ask("What is a monad?", thread_id=first.thread_id)
    assert (first.status, first.calls[0].error) == (Status.FAILED, "cut_stream")
    assert first.answer.startswith("Hel\n\n_This answer is not complete: the model broke off (cut_stream)")
    assert (second.status, len(second.calls)) == (Status.DONE, 1)
