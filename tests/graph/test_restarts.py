"""A model that breaks off in the middle of an answer: what the events show, and what the answer says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.loopback import Address, loopback
from duograph import Agent, Finished, Restarted, Settings, Status, StopReason, Token


@pytest.fixture(scope="module")
def server() -> Iterator[Address]:
    with loopback() as address:
        yield address


def ask(server: Address, folder: Path, *models: str) -> tuple[list[str | Restarted], Finished]:
    """The tokens and restarts of one turn, and its end."""
    chain = ",".join(f"openai:{model}@{server.url}" for model in models)
    with Agent(Settings(home=folder, reasoning_model=chain)) as agent:
        events = list(agent.stream("What is a monad?"))
    shown = [event.text if isinstance(event, Token) else event for event in events
             if isinstance(event, Token | Restarted)]  # fmt: skip
    (*_, end) = events
    assert isinstance(end, Finished)
    return shown, end


def test_the_backup_s_answer_is_announced_as_a_new_one(server: Address, tmp_path: Path) -> None:
    shown, end = ask(server, tmp_path, "cut", "answer")
    first = f"openai:cut@{server.url}"
    assert shown == ["Hel", Restarted("reason", f"{first}: cut_stream"), "Hel", "lo"]
    assert (end.result.answer, end.result.status) == ("Hello", Status.DONE)


def test_a_failure_that_nobody_saw_is_not_announced(server: Address, tmp_path: Path) -> None:
    shown, end = ask(server, tmp_path, "empty", "answer")
    assert shown == ["Hel", "lo"]
    assert [call.error for call in end.result.calls] == ["cut_stream", "cut_stream", None]


def test_without_a_backup_the_part_is_given_and_says_that_it_is_one(server: Address, tmp_path: Path) -> None:
    shown, end = ask(server, tmp_path, "cut")
    assert shown == ["Hel"]
    assert (end.result.status, end.result.stop_reason) == (Status.FAILED, StopReason.MODELS_FAILED)
    assert end.result.answer == (
        "Hel\n\n_This answer is not complete: the model broke off (cut_stream), and no other one answered._"
    )


def test_thinking_that_was_shown_for_want_of_an_opening_tag_is_called_back(
    server: Address, tmp_path: Path
) -> None:
    shown, end = ask(server, tmp_path, "think")
    why = "what came so far was the model's thinking"
    assert shown == ["Let me", " think", Restarted("reason", why), "Hel", "lo"]
    assert end.result.answer == "Hello"


def test_the_bound_counts_every_try_and_is_reached(server: Address, tmp_path: Path) -> None:
    chain = f"openai:500@{server.url},openai:529@{server.url}"
    settings = Settings(
        home=tmp_path,
        reasoning_model=chain,
        max_repairs=0,
        model_tries=2,
        specialist_tools=False,
        routing="local",
    )
    with Agent(settings) as agent:
        result = agent.ask("What is a monad?")
    assert result.bounds is not None
    # A coding turn asks the reasoning role twice, for a plan and a diagnosis, and the offline coder once.
    assert result.bounds.model_calls == 2 * 4 + 1
    assert [(call.model_id, call.attempt) for call in result.calls] == [
        ("500", 1), ("500", 2), ("529", 1), ("529", 2)
    ]  # fmt: skip
