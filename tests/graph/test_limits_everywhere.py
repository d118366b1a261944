"""A limit may strike anywhere: the best candidate is kept, the reason is named, the next turn is clean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from graph.build import build_graph
from graph.compiled import DuoGraph
from graph.services import Services
from graph.settings import Settings
from nodes import Context, Result, Status, StopReason
from tests.graph.test_limits_adversary import HUGE, QuickVerifier, code
from tests.support import ASK, BAD, GOOD, PLAN, Lines

FINE = "VERDICT: PASS"
STEPS = ("plan", "code", "diagnose", "repair", "judge")
"""The model calls of a turn that is repaired once, in order."""

CODERS = ("code", "repair")

TEXTS = (PLAN, BAD, "It forgot to multiply.", GOOD, FINE)
CHEAP = {"usage": {"input_tokens": 1, "output_tokens": 1, "cost_usd": 0.01}}


class Listener(BaseCallbackHandler):
    """Keeps what models were told."""

    run_inline = True

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        **kwargs: Any,  # noqa: ANN401  # LangChain's own
    ) -> None:
        del serialized, kwargs
        self.told.append("\n".join(str(message.text) for message in messages[0]))


@dataclass(frozen=True)
class Thread:
    """A graph and one thread on it."""

    graph: DuoGraph
    listener: Listener

    def ask(self, **context: Any) -> Result:  # noqa: ANN401  # as Context takes them
        values = self.graph.invoke(
            {"messages": [HumanMessage(ASK)]},
            {"configurable": {"thread_id": "t"}, "callbacks": [self.listener]},
            context=Context(**context),
        )
        result: Result = values["result"]
        return result


Open = Callable[..., Thread]


@pytest.fixture
def open_thread(script: Callable[[str, Lines], str], tmp_path: Path) -> Open:
    """A thread with a script for each model of both chains."""

    def start(reasoning: list[Lines], coding: list[Lines], *, real: bool = False) -> Thread:
        chains = {
            f"{role}_model": ",".join(script(f"{role}{at}", lines) for at, lines in enumerate(models))
            for role, models in (("reasoning", reasoning), ("coding", coding))
        }
        settings = Settings(home=tmp_path, **chains)
        services = Services.from_settings(settings)
        if not real:
            services = replace(services, verifier=QuickVerifier())
        graph = build_graph(settings, services=services, checkpointer=InMemorySaver())
        return Thread(graph, Listener())

    return start


def split(lines: Sequence[dict[str, Any]]) -> tuple[list[Lines], list[Lines]]:
    """The calls of a turn in order, and then a good turn, as one script for each role."""
    thinking: Lines = [line for step, line in zip(STEPS, lines, strict=False) if step not in CODERS]
    writing: Lines = [line for step, line in zip(STEPS, lines, strict=False) if step in CODERS]
    thinking += [{"content": PLAN} | CHEAP, {"content": FINE} | CHEAP]
    return [thinking], [[*writing, {"content": GOOD} | CHEAP]]


def check_kept(result: Result, at: int, reason: StopReason) -> None:
    """The turn stopped for `reason` at the call number `at`, with the best that there was by then."""
    assert result.stop_reason is reason
    if at == STEPS.index("judge"):
        assert (result.status, result.verification.status) == (Status.DONE, "verified")
        assert "2 * x" in result.files[0].content
        return
    assert result.status is Status.LIMIT
    assert "return x" in result.files[0].content if at > STEPS.index("code") else result.files == []
    assert result.verification.status == ("failed" if at > STEPS.index("code") else "not_executed")


def check_clean(thread: Thread) -> None:
    """The next turn knows nothing of the one before but its messages."""
    result = thread.ask()
    assert (result.status, result.stop_reason) == (Status.DONE, StopReason.COMPLETED)
    assert [call.step for call in result.calls] == ["plan", "code", "judge"]
    assert result.repairs == 0
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert (result.bounds.used.supersteps, result.bounds.used.sandbox_runs) == (9, 1)
    assert len(thread.graph.get_state({"configurable": {"thread_id": "t"}}).values["messages"]) == 4


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_input_tokens": 1}, StopReason.TOKEN_LIMIT),
        ({"max_cost_usd": 0}, StopReason.COST_LIMIT),
        ({"turn_timeout_s": 1e-9}, StopReason.DEADLINE),
    ],
)
def test_before_the_first_call(open_thread: Open, limits: dict[str, float], reason: StopReason) -> None:
    thread = open_thread([[{"content": PLAN} | CHEAP, {"content": FINE}]], [[{"content": GOOD}]])
    result = thread.ask(**limits)
    assert (result.status, result.stop_reason, result.calls) == (Status.LIMIT, reason, [])
    assert f"`{next(iter(limits))}`" in result.answer
    check_clean(thread)


@pytest.mark.parametrize("at", range(1, 5), ids=STEPS[1:])
def test_model_calls_anywhere(open_thread: Open, at: int) -> None:
    thread = open_thread(*split([{"content": text} for text in TEXTS[:at]]))
    check_kept(thread.ask(max_model_calls=at), at, StopReason.MODEL_CALL_LIMIT)
    check_clean(thread)


@pytest.mark.parametrize("at", range(1, 5), ids=STEPS[1:])
def test_money_anywhere(open_thread: Open, at: int) -> None:
    thread = open_thread(*split([{"content": text} | CHEAP for text in TEXTS[:at]]))
    check_kept(thread.ask(max_cost_usd=0.01 * at - 0.005), at, StopReason.COST_LIMIT)
    check_clean(thread)


@pytest.mark.parametrize("at", range(5), ids=STEPS)
def test_tokens_in_the_middle_of_any_answer(open_thread: Open, at: int) -> None:
    lines = [{"content": text} | CHEAP for text in TEXTS[:at]]
    thread = open_thread(*split([*lines, {"content": HUGE}]))
    result = thread.ask(max_output_tokens=50)
    check_kept(result, at, StopReason.TOKEN_LIMIT)
    assert result.calls[-1].error == "cut_stream"
    over = (result.calls[-1].output_tokens or 0) - (50 - at)
    assert 0 < over <= 2, "it was cut at the first chunk that was too much"
    check_clean(thread)


# Each waits until the deadline; the first and the last call stand for all.
WAITING = [
    pytest.param(at, marks=pytest.mark.slow if 0 < at < len(STEPS) - 1 else (), id=step)
    for at, step in enumerate(STEPS)
]


@pytest.mark.parametrize("at", WAITING)
def test_the_deadline_while_any_model_is_slow(open_thread: Open, at: int) -> None:
    lines = [{"content": text} for text in TEXTS[:at]]
    thread = open_thread(*split([*lines, {"content": "late", "delay_s": 600}]))
    result = thread.ask(turn_timeout_s=0.7)
    check_kept(result, at, StopReason.DEADLINE)
    assert result.calls[-1].error == "timeout"
    check_clean(thread)


@pytest.mark.parametrize(
    "before",
    [pytest.param([], id="first"), pytest.param([{"content": BAD}], marks=pytest.mark.slow, id="repair")],
)
def test_the_deadline_while_the_sandbox_runs_an_endless_solution(open_thread: Open, before: Lines) -> None:
    endless = code("2 * x", before="while True:\n    pass\n")
    thoughts: Lines = [{"content": PLAN}, *([{"content": "It forgot to multiply."}] * len(before))]
    thread = open_thread(
        [[*thoughts, {"content": PLAN}, {"content": FINE}]],
        [[*before, {"content": endless}, {"content": GOOD}]],
        real=True,
    )
    result = thread.ask(turn_timeout_s=2 if before else 1)
    assert (result.status, result.stop_reason) == (Status.LIMIT, StopReason.DEADLINE)
    assert result.verification.status == "failed"
    assert ("while True" in result.files[0].content) is (not before)
    assert "`turn_timeout_s`" in result.answer
    check_clean(thread)


def test_a_stuck_coder_hands_the_best_candidate_to_the_next_one(open_thread: Open) -> None:
    partial, broken = code("2 * abs(x)"), code("2 * x", before="raise ValueError\n")
    thread = open_thread(
        [[{"content": PLAN}, {"content": "Mind the sign."}, {"content": "No abs."}, {"content": FINE}]],
        [[{"content": partial}, {"content": broken}], [{"content": GOOD}]],
    )
    result = thread.ask()
    assert (result.status, result.repairs) == (Status.DONE, 2)
    assert [(call.step, call.model_id[-7:-6]) for call in result.calls if call.role == "coding"] == [
        ("code", "0"),
        ("code", "0"),
        ("code", "1"),
    ]
    assert "2 * abs(x)" in thread.listener.told[-2]
    assert "raise ValueError" not in thread.listener.told[-2]


def test_a_stuck_coder_without_another_ends_with_the_best_candidate(open_thread: Open) -> None:
    partial, broken = code("2 * abs(x)"), code("2 * x", before="raise ValueError\n")
    thread = open_thread(
        [[{"content": PLAN}, {"content": "?"}]], [[{"content": partial}, {"content": broken}]]
    )
    result = thread.ask(max_repairs=10)
    assert (result.status, result.stop_reason) == (Status.NOT_VERIFIED, StopReason.NO_PROGRESS)
    assert result.repairs == 1
    assert "2 * abs(x)" in result.files[0].content


def test_escalation_ends_with_the_chain(open_thread: Open) -> None:
    same: Lines = [{"content": BAD, "repeat": True}]
    result = open_thread([[{"content": PLAN, "repeat": True}]], [same] * 3).ask(max_repairs=10)
    assert result.stop_reason is StopReason.NO_PROGRESS
    assert result.repairs == 3
