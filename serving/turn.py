"""One turn of an agent, shown to a person: what `ask` and `chat` share."""

from __future__ import annotations

import sys
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING

from graph.events import Finished, Started
from graph.settings import Settings
from nodes import Context, unmetered
from providers import parse_chain
from providers.catalogue import retirement_notes
from serving import terminal
from serving.progress import open_progress
from serving.proving import say_unconfined
from serving.text import counted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from graph.agent import Agent
    from graph.compiled import DuoGraph
    from graph.events import Event as TurnEvent
    from graph.questions import Answer
    from nodes import Bounds, Result, Task
    from sandbox import SourceFile


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn is asked.

    Attributes:
        text: The request.
        thread_id: The session.
        tests: The user's tests, or nothing.
        task: The kind of task, if the user said so.
        code: Files that the request is about.
        models: The models that the command line names, kept with a turn that waits.
        asks: Whether a person is there who can consent to calls that may change something.
        begun: Set once the turn runs; before that it loads, or waits for another one in its session.
    """

    text: str
    thread_id: str
    tests: str = ""
    task: Task | None = None
    code: Sequence[SourceFile] = ()
    models: Context | None = None
    asks: bool = False
    begun: Event = field(default_factory=Event)


def models_of(given: Mapping[str, str]) -> Context:
    """The models that the command line names."""
    return Context(reasoning_model=given.get("reasoning_model"), coding_model=given.get("coding_model"))


def open_agent(given: Mapping[str, str], *, resumes: bool = False) -> Agent:
    """An agent with the settings and those of the command line; says what its user should know first.

    Args:
        given: The settings of the command line.
        resumes: Whether it only goes on with a turn that knows its models.

    Raises:
        SettingsError: When a setting is wrong.
        ModelConfigError: When a chain names something that does not exist.
        DatabaseError: When the session store cannot be opened.
    """
    from graph.agent import Agent  # noqa: PLC0415  # needs LangGraph, which `bounds` loads by another way

    settings = Settings(**given)
    agent = Agent(settings)
    say_unconfined(settings)
    if not resumes:
        say_who_answers(settings)
        say_what_retires(settings)
    say_what_costs(settings, bounds_of(agent.graph))
    return agent


def bounds_of(graph: DuoGraph) -> Bounds:
    """The most that a turn can use when its caller chooses nothing else."""
    if graph.account is None:
        raise RuntimeError("This graph was compiled without an account of its bounds.")
    return graph.account.bounds()


def say_who_answers(settings: Settings) -> None:
    """One line when no model is configured for a role."""
    if roles := settings.unconfigured:
        what = "no model is configured" if len(roles) > 1 else f"no {roles[0]} model is configured"
        missing = " and ".join(f"DUOGRAPH_{role.upper()}_MODEL" for role in roles)
        terminal.notice(
            f"duograph: {what}, so the embedded offline model answers; connect one with {missing}, "
            "such as openai:gpt-5.4."
        )


def say_what_retires(settings: Settings) -> None:
    """One line for each model in use that is retired, or will be soon."""
    specs = [spec for chain in settings.chains().values() for spec in parse_chain(chain)]
    for note in retirement_notes(specs, datetime.now(UTC).date()):
        terminal.notice(f"duograph: {note}.")


def say_what_costs(settings: Settings, bounds: Bounds) -> None:
    """One line when a money limit cannot hold for some model, because nobody knows its price."""
    if note := unmetered(bounds, settings.limits):
        terminal.notice(f"duograph: {note[0].lower()}{note[1:]}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a turn came to.

    Attributes:
        result: The result.
        footer: The line below the answer: session, model calls, seconds.
    """

    result: Result
    footer: str


async def run_turn(agent: Agent, turn: Turn) -> Outcome:
    """Run one turn and show its progress.

    Raises:
        RequestError: When the request cannot be taken.
    """
    events = agent.astream(
        turn.text,
        tests=turn.tests,
        code=turn.code,
        task=turn.task,
        thread_id=turn.thread_id,
        context=_context(agent.settings, turn),
    )
    return await _show(events, turn.thread_id, turn.begun)


def _context(settings: Settings, turn: Turn) -> Context | None:
    """The choices of the command line; a person who is there is asked, unless the settings say otherwise."""
    if not turn.asks or "consent" in settings.model_fields_set:
        return turn.models
    return (turn.models or Context()).model_copy(update={"consent": "ask"})


async def resume_turn(
    agent: Agent, thread_id: str, answer: Answer | None, models: Context | None = None
) -> Outcome:
    """Go on with a turn that was cut off or whose plan waited for an answer, and show its progress.

    Args:
        agent: Has the session.
        thread_id: The session.
        answer: What to do with the plan or the calls that wait; None for a turn that was cut off.
        models: Those of the command line, in place of those that the turn was asked with.

    Raises:
        RequestError: When there is nothing to go on with.
    """
    return await _show(agent.astream_resume(thread_id, answer, context=models), thread_id)


async def _show(
    events: AsyncGenerator[TurnEvent, None], thread_id: str, begun: Event | None = None
) -> Outcome:
    """Show a turn as it comes; `begun` is set when something of it does."""
    started = time.monotonic()
    result: Result | None = None
    with open_progress() as progress:
        async with aclosing(events):
            async for event in events:
                if begun is not None and not isinstance(event, Started):
                    begun.set()
                progress.show(event)
                if isinstance(event, Finished):
                    result = event.result
    if result is None:
        raise RuntimeError("The turn ended without a result.")
    seconds = f"{time.monotonic() - started:.1f} s"
    return Outcome(result, f"thread {thread_id} · {_calls(result)} · {seconds}")


def _calls(result: Result) -> str:
    """The model calls of a turn; people also see how many there could have been."""
    if result.bounds and terminal.is_terminal(sys.stderr):
        return f"{len(result.calls)} of at most {counted(result.bounds.model_calls, 'call')}"
    return counted(len(result.calls), "call")
