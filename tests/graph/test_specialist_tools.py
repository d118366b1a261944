"""What specialists bring: offered for their kind of request alone, where the models can call it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duograph import Agent, Context, Result, Settings
from nodes import Task
from tests.support import ASK, GOOD, PLAN, Lines

Script = Callable[[str, Lines], str]
CALLS = {"tool_calls": [{"name": "calculator", "args": {"expression": "6*7"}}]}
SAID = {"content": "It is 42."}


@pytest.fixture
def ask(script: Script, tmp_path: Path) -> Callable[..., Result]:
    """Answer a question with a scripted model that wants the calculator."""

    def answer(task: Task, *, context: Context | None = None, **settings: Any) -> Result:  # noqa: ANN401  # as Settings takes them
        model = script("reasoning", [CALLS, SAID])
        with Agent(Settings(home=tmp_path / "home", reasoning_model=model, **settings)) as agent:
            return agent.ask("How much is six times seven?", task=task, context=context)

    return answer


def test_problem_solving_brings_the_calculator(ask: Callable[..., Result]) -> None:
    result = ask("problem_solving")
    assert [(use.name, use.outcome, use.excerpt) for use in result.tool_uses] == [("calculator", "ok", "42")]
    assert result.answer == "It is 42."
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert result.bounds.used.tool_calls == 1 <= result.bounds.tool_calls


@pytest.mark.parametrize("task", ["general", "planning", "explanation"])
def test_other_requests_get_none(ask: Callable[..., Result], task: Task) -> None:
    result = ask(task)
    assert result.tool_uses == []
    assert "none was offered" in result.answer


def test_the_caller_and_the_installation_can_say_no(ask: Callable[..., Result]) -> None:
    assert ask("problem_solving", specialist_tools=False).tool_uses == []
    assert ask("problem_solving", context=Context(tools=[])).tool_uses == []
    only = ask("problem_solving", context=Context(tools=["run_python"]))
    assert [use.outcome for use in only.tool_uses] == ["no_tool"]
    assert [use.outcome for use in ask("general", context=Context(tools=["calculator"])).tool_uses] == ["ok"]


def test_models_that_call_nothing_are_offered_nothing_and_the_bound_stays(tmp_path: Path) -> None:
    def bounds(**settings: Any) -> object:  # noqa: ANN401  # as Settings takes them
        with Agent(Settings(home=tmp_path, **settings)) as agent:
            return agent.graph.bounds()

    assert bounds() == bounds(specialist_tools=False)
    with Agent(Settings(home=tmp_path)) as agent:
        result = agent.ask("How many primes are there below 100?", task="problem_solving")
    assert not any("tools" in note for note in result.notes)


def test_a_plan_gets_none(script: Script, tmp_path: Path) -> None:
    judged = {"content": "VERDICT: PASS\nIt does."}
    models = {
        "reasoning_model": script("reasoning", [{"content": PLAN}, judged, CALLS]),
        "coding_model": script("coding", [{"content": GOOD}]),
    }
    with Agent(Settings(home=tmp_path, **models)) as agent:
        result = agent.ask(ASK, task="code_generation")
    assert result.verification.status == "verified"
    assert result.tool_uses == []
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert result.bounds.used.model_calls <= result.bounds.model_calls
