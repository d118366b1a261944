"""`duograph resume`: an answer about a plan that waits, and the rest of its turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving import exits, terminal
from serving.approval import make_answer, read_edited
from serving.delivery import Target
from serving.faults import InputError
from serving.inputs import read_thread
from serving.signals import Interrupted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graph.agent import Agent
    from nodes import Context, PlanAnswer
    from serving.running import Runner
    from serving.signals import Signals
    from serving.turn import Outcome

__all__ = ["Choice", "Target", "resume"]


@dataclass(frozen=True, slots=True)
class Choice:
    """The words of one `duograph resume`.

    Attributes:
        thread: The session.
        approve: Whether the plan stands as it is.
        edit: A file with the plan to take its place.
        reject: Whether no code shall be written.
        reason: Why not.
    """

    thread: str
    approve: bool = False
    edit: str | None = None
    reject: bool = False
    reason: str = ""


def resume(choice: Choice, target: Target, *, settings: Mapping[str, str], signals: Signals) -> int:
    """Answer about the plan, or show it and ask, and give the exit code.

    Raises:
        InputError: When a file or an argument cannot be used; nothing has run then.
        RequestError: When nothing waits there, or the edited plan cannot be used.
        Interrupted: When a signal came; its hint says how to go on.
    """
    destination = target.check()
    thread_id = read_thread(choice.thread)
    edited = None if choice.edit is None else read_edited(choice.edit)
    with terminal.starting():
        import graph.agent  # noqa: F401, PLC0415  # seconds of imports, after the cheap checks
        from serving.running import Runner  # noqa: PLC0415  # the same
        from serving.turn import models_of, open_agent  # noqa: PLC0415  # the same

    answer = None
    if choice.approve or choice.reject or edited is not None:
        answer = make_answer(approve=not choice.reject, plan=edited, reason=choice.reason)
    agent, models = open_agent(settings, resumes=True), models_of(settings)
    try:
        with Runner(signals) as runner:
            try:
                outcome = _outcome(agent, runner, thread_id, answer, models)
                outcome = target.approved(outcome, agent, runner, models)
            finally:
                if signals.received is None:
                    runner.run(agent.aclose)
    except Interrupted as stop:
        stop.hint = f"go on with: duograph resume {thread_id}"
        raise
    return target.deliver(outcome, destination)


def _outcome(
    agent: Agent, runner: Runner, thread_id: str, answer: PlanAnswer | None, models: Context
) -> Outcome:
    """The rest of the turn, or the turn as it waits when there is no answer yet."""
    from serving.turn import Outcome, resume_turn  # noqa: PLC0415  # loaded by now

    if answer is not None:
        return runner.run(lambda: resume_turn(agent, thread_id, answer, models))
    result = runner.run(lambda: agent.waiting(thread_id))
    if result is None:
        raise InputError(f"No plan waits for approval in session {thread_id}: see `duograph sessions list`.")
    return Outcome(result, f"thread {thread_id} · exit code {exits.WAITING}: the plan waits")
