"""The verdict rests on evidence: no model's word passes what failed, none that contradicts itself counts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from graph.build import build_graph
from graph.services import Services
from graph.settings import Settings
from nodes import Diagnosis, Result, Status, StopReason
from sandbox import Check, Evidence, SourceFile
from tests.support import ASK, BAD, GOOD, PLAN, AgentMaker, Lines

DIAGNOSIS = "FAILED: double(2) gave 2.\nWHY: solution.py line 2 returns x.\nCHANGE: Return 2 * x."
PASS = {"content": "VERDICT: PASS"}


def test_a_diagnosis_reaches_the_result_in_its_parts(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [{"content": PLAN}, {"content": DIAGNOSIS}, PASS], [{"content": BAD}, {"content": GOOD}]
    )
    result = agent.ask(ASK)
    assert result.diagnosis == Diagnosis(
        failed="double(2) gave 2.", why="solution.py line 2 returns x.", change="Return 2 * x."
    )
    kept = agent.graph.get_state({"configurable": {"thread_id": result.thread_id}}).values
    assert kept["diagnosis"] == result.diagnosis


def test_a_turn_without_a_failure_has_no_diagnosis(make_agent: AgentMaker) -> None:
    assert make_agent([{"content": PLAN}, PASS], [{"content": GOOD}]).ask(ASK).diagnosis is None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("VERDICT: PASS\nPROBLEM: it must not double.", "it says PASS and lists problems"),
        ("VERDICT: REVISE", "it says REVISE and names no problem"),
        ("VERDICT: REVISE\nVERDICT: PASS", "it says both PASS and REVISE"),
    ],
)
def test_a_contradictory_verdict_is_set_aside_and_the_checks_decide(
    make_agent: AgentMaker, words: str, why: str
) -> None:
    result = make_agent([{"content": PLAN}, {"content": words}], [{"content": GOOD}]).ask(ASK)
    assert (result.status, result.stop_reason, result.repairs) == (Status.DONE, StopReason.COMPLETED, 0)
    assert [call.step for call in result.calls] == ["plan", "code", "judge"]
    assert any(why in note for note in result.notes)
    assert why in result.answer


def test_what_a_reviewer_misses_reaches_the_coder_as_problems(make_agent: AgentMaker) -> None:
    revise = {"content": "VERDICT: REVISE\nPROBLEM: None is not handled.\nSincerely."}
    result = make_agent([{"content": PLAN}, revise, PASS], [{"content": GOOD}, {"content": GOOD + "\n"}]).ask(
        ASK
    )
    assert result.diagnosis is not None
    assert result.diagnosis.change == "None is not handled."


class Liar:
    """A verifier that calls everything verified while a required check fails."""

    async def verify(self, files: Sequence[SourceFile], **_options: Any) -> Evidence:  # noqa: ANN401
        del files
        return Evidence(
            status="verified",
            checks=[Check(name="import", passed=True), Check(name="tests", passed=False, detail="no")],
        )


def test_nothing_passes_while_a_required_check_fails_whatever_anybody_says(
    script: Callable[[str, Lines], str], tmp_path: Path
) -> None:
    lines: Lines = [{"content": "VERDICT: PASS", "repeat": True}]
    models = {
        "reasoning_model": script("r", lines),
        "coding_model": script("c", [{"content": GOOD, "repeat": True}]),
    }
    settings = Settings(home=tmp_path, **models)
    services = replace(Services.from_settings(settings), verifier=Liar())
    result = build_graph(settings, services=services).invoke({"messages": [HumanMessage(ASK)]})["result"]
    assert isinstance(result, Result)
    assert (result.status, result.verification.status) == (Status.NOT_VERIFIED, "failed")
    assert "judge" not in [call.step for call in result.calls]


def test_a_repair_that_breaks_a_passed_test_is_reverted(make_agent: AgentMaker) -> None:
    first = "```python solution.py\ndef double(x: int) -> int:\n    return 2 * abs(x)\n```"
    second = "```python solution.py\ndef double(x: int) -> int:\n    return -2 if x < 0 else 0\n```"
    agent = make_agent([{"content": PLAN}, {"content": DIAGNOSIS}], [{"content": first}, {"content": second}])
    result = agent.ask(ASK)
    assert (result.status, result.stop_reason) == (Status.NOT_VERIFIED, StopReason.NO_PROGRESS)
    assert "2 * abs(x)" in result.files[0].content


def test_with_the_users_tests_green_after_a_repair_no_model_judges(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}, {"content": DIAGNOSIS}], [{"content": BAD}, {"content": GOOD}])
    result = agent.ask(ASK, tests="assert double(3) == 6")
    assert result.status is Status.DONE
    assert [call.step for call in result.calls] == ["plan", "code", "diagnose", "code"]
