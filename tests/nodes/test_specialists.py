"""The prompts of specialists, as snapshots: `UPDATE_SNAPSHOTS=1` writes them anew."""

import os
from pathlib import Path
from typing import get_args

import pytest
from langchain_core.messages import HumanMessage

from graph.settings import Settings
from nodes import Request, Turn
from nodes.context import Task
from nodes.decisions import Decision
from nodes.reason import question
from nodes.specialists import LENT, specialist_of
from routing.labels import Subject
from toolkit.registry import TOOLS

SNAPSHOTS = Path(__file__).parent / "snapshots"
CASES: list[tuple[Task, Subject]] = [
    *((task, "general") for task in get_args(Task) if not task.startswith("knowledge_")),
    *(("explanation", subject) for subject in get_args(Subject) if subject != "general"),
]


@pytest.mark.parametrize("thinks", [False, True])
@pytest.mark.parametrize(("task", "subject"), CASES)
def test_what_each_specialist_is_told(task: Task, subject: Subject, *, thinks: bool) -> None:
    route = "code" if task == "code_generation" else "answer"
    decision = Decision(task=task, subject=subject)
    request = Request(text="The request.", task=task, route=route, decision=decision)
    rules = specialist_of(task, subject).rules(thinks=thinks) if route == "answer" else ""
    state = Turn(request=request, messages=[HumanMessage("The request.")])
    said = "\n\n".join(f"[{message.type}]\n{message.text}" for message in question(state, {}, rules)) + "\n"
    told_to_think = task == "problem_solving" and thinks
    path = SNAPSHOTS / f"{task}-{subject}{'-thinks' if told_to_think else ''}.md"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(said)
    assert path.read_text() == said


def test_only_models_that_do_not_think_are_told_to_work_in_steps() -> None:
    solver = specialist_of("problem_solving")
    assert "step by step" in solver.rules(thinks=False)
    assert "step by step" not in solver.rules(thinks=True)


def test_what_specialists_bring_can_change_nothing() -> None:
    assert {"calculator", "run_python"} == LENT
    assert {TOOLS[name].info.effect for name in LENT} == {"read"}
    assert Settings().specialist_tools
