"""The bound is no guess: for each guard and each limit there is a turn that reaches it exactly."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig

from graph.build import build_graph
from graph.services import Services
from graph.settings import Settings
from nodes import Amounts, Bounds, Context, Result, Status, StopReason, Turn
from tests.graph.test_limits_adversary import STUBBORN, QuickVerifier
from tests.support import ASK, BAD, GOOD, PLAN, Lines

Play = Callable[..., Result]
DOWN: Lines = [{"error": "overloaded", "repeat": True}]
PLANS: Lines = [{"content": PLAN, "repeat": True}]


@pytest.fixture
def play(script: Callable[[str, Lines], str], tmp_path: Path) -> Play:
    """Play one turn: a script for each model of both chains, a quick verdict instead of the sandbox."""

    def run(
        reasoning: list[Lines],
        coding: list[Lines],
        *,
        recursion_limit: int | None = None,
        ask: str = ASK,
        **context: Any,  # noqa: ANN401  # as Context takes them
    ) -> Result:
        chains = {
            f"{role}_model": ",".join(script(f"{role}{at}", lines) for at, lines in enumerate(models))
            for role, models in (("reasoning", reasoning), ("coding", coding))
        }
        settings = Settings(home=tmp_path, **chains)
        services = replace(Services.from_settings(settings), verifier=QuickVerifier())
        config: RunnableConfig = {} if recursion_limit is None else {"recursion_limit": recursion_limit}
        graph = build_graph(settings, services=services)
        values = graph.invoke(
            {"messages": [HumanMessage(ask)]}, config, context=Context.model_validate(context)
        )
        result: Result = values["result"]
        return result

    return run


def account(result: Result) -> tuple[Amounts, Bounds]:
    """What was used, and the bound."""
    assert result.bounds is not None
    assert result.bounds.used is not None
    return result.bounds.used, result.bounds


@pytest.mark.parametrize("repairs", range(11))
def test_repairs_reach_every_superstep_and_sandbox_run_of_the_bound(play: Play, repairs: int) -> None:
    result = play([PLANS], [STUBBORN], max_repairs=repairs)
    used, most = account(result)
    assert (result.status, result.stop_reason) == (Status.NOT_VERIFIED, StopReason.REPAIRS_EXHAUSTED)
    assert result.repairs == repairs
    assert used.supersteps == most.supersteps == 1 + 5 + 3 * (1 + repairs)
    assert used.sandbox_runs == 1 + repairs
    assert most.sandbox_runs == max(used.sandbox_runs, 2)  # a review reaches two


def test_a_review_reaches_its_sandbox_runs_and_asks_once(play: Play) -> None:
    code = "def double(x: int) -> int:\n    return x\n"
    found = "FINDING solution.py:2 error: it does not double.\n```python\nassert double(2) == 4\n```"
    result = play(
        [[{"content": found}]], [[{}]], ask="review this", code=[{"path": "solution.py", "content": code}],
        max_repairs=0,
    )  # fmt: skip
    used, most = account(result)
    assert (result.status, result.stop_reason) == (Status.DONE, StopReason.COMPLETED)
    assert used.sandbox_runs == most.sandbox_runs == 2
    assert (used.model_calls, used.supersteps) == (1, 8)
    assert used.supersteps < most.supersteps


def test_a_review_reaches_every_model_of_its_chain_and_no_more(play: Play) -> None:
    code = [{"path": "solution.py", "content": "x = 1\n"}]
    result = play([DOWN, DOWN, [{"content": "NO FINDINGS"}]], [[{}]], ask="review this", code=code)
    assert [call.step for call in result.calls] == ["review"] * 3
    limited = play([DOWN, DOWN, [{}]], [[{}]], ask="review this", code=code, max_model_calls=2)
    assert (limited.status, limited.stop_reason) == (Status.LIMIT, StopReason.MODEL_CALL_LIMIT)
    assert limited.bounds is not None
    assert len(limited.calls) == limited.bounds.model_calls == 2


# Each length of a chain and each number of repairs is among the fast ones.
CHAINS = [
    pytest.param(*sizes, repairs, marks=() if one == other else pytest.mark.slow)
    for one, sizes in enumerate([(1, 1), (3, 1), (1, 3), (3, 2)])
    for other, repairs in enumerate([0, 1, 2, 10])
]


@pytest.mark.parametrize(("reasoning", "coding", "repairs"), CHAINS)
def test_chains_reach_every_model_call_of_the_bound(
    play: Play, reasoning: int, coding: int, repairs: int
) -> None:
    result = play(
        [DOWN] * (reasoning - 1) + [PLANS],
        [DOWN] * (coding - 1) + [[*STUBBORN[:repairs], {"content": GOOD}]],
        max_repairs=repairs,
    )
    used, most = account(result)
    assert (result.status, result.stop_reason) == (Status.DONE, StopReason.COMPLETED)
    assert used.model_calls == most.model_calls == reasoning + (1 + repairs) * (reasoning + coding)


@pytest.mark.parametrize("calls", range(1, 7))
def test_a_limit_on_model_calls_is_reached_and_kept(play: Play, calls: int) -> None:
    result = play([DOWN, PLANS], [STUBBORN], max_model_calls=calls)
    used, most = account(result)
    assert (result.status, result.stop_reason) == (Status.LIMIT, StopReason.MODEL_CALL_LIMIT)
    assert used.model_calls == most.model_calls == calls


@pytest.mark.parametrize(
    ("asked", "used_up"),
    [(1, 4), (3, 4), (4, 4), (5, 5), (6, 6), (7, 7), (8, 7), (9, 9), (10, 10), (11, 10), (12, 12), (14, 13)],
)
def test_a_step_limit_that_is_too_small_ends_in_an_answer(play: Play, asked: int, used_up: int) -> None:
    result = play([PLANS], [STUBBORN], recursion_limit=asked)
    used, _ = account(result)
    assert (result.status, result.stop_reason) == (Status.LIMIT, StopReason.SUPERSTEP_LIMIT)
    assert used.supersteps == used_up <= max(asked, 4)


@pytest.mark.parametrize("asked", [15, 16, 200, 10_007])
def test_a_larger_step_limit_cannot_exceed_ours(play: Play, asked: int) -> None:
    result = play([PLANS], [STUBBORN], recursion_limit=asked)
    used, most = account(result)
    assert result.stop_reason is StopReason.REPAIRS_EXHAUSTED
    assert used.supersteps == most.supersteps == 15


def test_input_tokens_are_used_to_the_last_one(play: Play) -> None:
    plan, *rest = play([PLANS], [STUBBORN]).calls
    assert plan.input_tokens
    assert rest[0].input_tokens
    whole = plan.input_tokens + rest[0].input_tokens
    exact = play([PLANS], [STUBBORN], max_input_tokens=whole)
    assert sum(call.input_tokens or 0 for call in exact.calls) == whole
    assert exact.stop_reason is StopReason.TOKEN_LIMIT
    assert len(play([PLANS], [STUBBORN], max_input_tokens=whole - 1).calls) == 1


def test_output_tokens_are_used_to_the_last_one(play: Play) -> None:
    first, second = (call.output_tokens for call in play([PLANS], [STUBBORN]).calls[:2])
    assert first
    assert second
    exact = play([PLANS], [STUBBORN], max_output_tokens=first + second)
    assert [call.error for call in exact.calls] == [None, None]
    assert exact.stop_reason is StopReason.TOKEN_LIMIT
    assert sum(call.output_tokens or 0 for call in exact.calls) == first + second
    cut = play([PLANS], [STUBBORN], max_output_tokens=first + second - 1)
    assert [call.error for call in cut.calls] == [None, "cut_stream"]


def test_money_is_used_to_the_last_cent(play: Play) -> None:
    dear = {"usage": {"input_tokens": 1, "output_tokens": 1, "cost_usd": 0.25}}
    plan: Lines = [{"content": PLAN, "repeat": True} | dear]
    result = play([plan], [[line | dear for line in STUBBORN]], max_cost_usd=1.0)
    used, most = account(result)
    assert result.stop_reason is StopReason.COST_LIMIT
    assert used.cost_usd == most.cost_usd == 1.0
    assert used.model_calls == 4


def test_a_run_that_needs_less_uses_less(play: Play) -> None:
    used, most = account(play([[{"content": PLAN}, {"content": "VERDICT: PASS"}]], [[{"content": GOOD}]]))
    assert used.supersteps < most.supersteps
    assert used.model_calls < most.model_calls
    assert play([PLANS], [[{"content": BAD, "repeat": True}]]).repairs == 1


def test_a_node_that_forgets_to_count_is_counted_for(
    script: Callable[[str, Lines], str], tmp_path: Path
) -> None:
    async def forgetful(_state: Turn) -> Turn:
        return Turn(verdict="repair")

    chosen = {"reasoning_model": script("r", PLANS), "coding_model": script("c", STUBBORN)}
    settings = Settings(home=tmp_path, **chosen)
    services = replace(Services.from_settings(settings), verifier=QuickVerifier())
    graph = build_graph(settings, services=services, nodes={"review": forgetful})
    result = graph.invoke({"messages": [HumanMessage(ASK)]})["result"]
    used, most = account(result)
    assert result.stop_reason is StopReason.REPAIRS_EXHAUSTED
    assert used.supersteps == most.supersteps == 15
    assert most.undeclared == ["review"]
