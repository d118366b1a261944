"""Asking a person at the terminal, about a plan or about calls."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from serving import terminal
from serving.consent import ask_about_calls
from serving.faults import InputError
from serving.inputs import read_source

if TYPE_CHECKING:
    from graph.questions import Answer
    from nodes import PlanAnswer, Result

MOST_WORDS = 3
"""How often the question is asked again until the plan is left to wait."""

_QUESTION = "approve, edit or reject this plan? [a/e/r] "


def can_ask() -> bool:
    """Whether there is a person at a terminal."""
    return sys.stdin.isatty() and terminal.is_terminal(sys.stderr)


def ask_about(result: Result) -> Answer | None:
    """Show what waits and ask; None when the person gives no answer, so that it goes on waiting.

    Raises:
        Interrupted: When a signal came.
    """
    return ask_about_calls(result.asked) if result.asked else _ask_about_plan(result)


def _ask_about_plan(result: Result) -> PlanAnswer | None:
    terminal.answer(result.plan)
    for _ in range(MOST_WORDS):
        if (line := terminal.ask_line(_QUESTION)) is None:
            return None
        word, _, rest = line.strip().partition(" ")
        if word.lower() in {"a", "approve", "y", "yes"}:
            return make_answer(approve=True)
        if word.lower() in {"r", "reject", "n", "no"}:
            return make_answer(approve=False, reason=rest)
        if word.lower() in {"e", "edit"} and (answer := _edited(result.plan)) is not None:
            return answer
        terminal.notice(
            "type a to approve, e to edit the plan, r to reject it, perhaps with a reason after it"
        )
    return None


def make_answer(*, approve: bool, plan: str | None = None, reason: str = "") -> PlanAnswer:
    """An answer about a plan.

    Raises:
        RequestError: When the plan cannot be used.
    """
    from graph.questions import answer_about  # noqa: PLC0415  # loaded by now

    return answer_about(approve=approve, plan=plan, reason=reason)


def _edited(plan: str) -> PlanAnswer | None:
    """The plan as the person's editor leaves it; None when it was not changed or cannot be used."""
    try:
        edited = click.edit(plan, extension=".md")
        return None if edited is None else make_answer(approve=True, plan=edited)
    except (click.ClickException, ValueError) as error:
        terminal.notice(f"duograph: {error.message if isinstance(error, click.ClickException) else error}")
        return None


def read_edited(path: str) -> str:
    """A plan from a file, or from standard input when it is `-`.

    Raises:
        InputError: When it cannot be read, or holds nothing.
    """
    plan = read_source(path, "plan")
    if not plan.strip():
        raise InputError(f"The plan file {path} is empty: write the plan into it, or use --approve.")
    return plan
