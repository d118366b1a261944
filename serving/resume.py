"""`duograph resume`: the rest of a turn that was cut off, or that waits for an answer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving import exits, terminal
from serving.approval import make_answer, read_edited
from serving.delivery import Target
from serving.inputs import read_thread
from serving.signals import Interrupted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graph.agent import Agent
    from graph.questions import Answer
    from nodes import Context
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
        reject: Whether no code shall be written, or no call made.
        reason: Why not.
        always: Whether the calls shall be made, and their tools not asked about again in the session.
    """

    thread: str
    approve: bool = False
    edit: str | None = None
    reject: bool = False
    reason: str = ""
    always: bool = False


def resume(choice: Choice, target: Target, *, settings: Mapping[str, str], signals: Signals) -> int:
    """Go on with the turn; where something waits, answer about it, or show it and ask. Gives the exit code.

    Raises:
        InputError: When a file or an argument cannot be used; nothing has run then.
        UnknownThreadError: When no session fits the id, or several do.
        RequestError: When nothing is left to do there, or the edited plan cannot be used.
        Interrupted: When a signal came; its hint says how to go on.
    """
    destination = target.check()
    thread_id = read_thread(choice.thread)
    edited = None if choice.edit is None else read_edited(choice.edit)
    with terminal.starting():
        import graph.agent  # noqa: F401, PLC0415  # seconds of imports, after the cheap checks
        from serving.running import Runner  # noqa: PLC0415  # the same
        from serving.turn import models_of, open_agent  # noqa: PLC0415  # the same

    answer: Answer | None = None
    if choice.always:
        from nodes import ConsentAnswer  # noqa: PLC0415  # loaded by now

        answer = ConsentAnswer(decision="always")
    elif choice.approve or choice.reject or edited is not None:
        answer = make_answer(approve=not choice.reject, plan=edited, reason=choice.reason)
    agent, models = open_agent(settings, resumes=True), models_of(settings)
    try:
        with Runner(signals) as runner:
            try:
                thread_id = agent.sessions.find(thread_id)
                outcome = _outcome(agent, runner, thread_id, answer, models)
                # Before closing, which leaves what is learned from the turn a few seconds.
                return target.deliver(target.approved(outcome, agent, runner, models), destination)
            finally:
                if signals.received is None:
                    with suppress(Interrupted):  # the answer is there
                        runner.run(agent.aclose)
    except Interrupted as stop:
        stop.hint = f"go on with: duograph resume {thread_id}"
        raise


def _outcome(agent: Agent, runner: Runner, thread_id: str, answer: Answer | None, models: Context) -> Outcome:
    """The rest of the turn, or the turn as it waits when its plan has no answer yet."""
    from serving.turn import Outcome, resume_turn  # noqa: PLC0415  # loaded by now

    waits = None if answer is not None else runner.run(lambda: agent.waiting(thread_id))
    if waits is None:
        return runner.run(lambda: resume_turn(agent, thread_id, answer, models))
    what = "tool calls wait" if waits.asked else "the plan waits"
    return Outcome(waits, f"thread {thread_id} · exit code {exits.WAITING}: {what}")
