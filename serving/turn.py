"""One turn of an agent, shown to a person: what `ask` and `chat` share."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.events import Finished
from graph.settings import Settings
from serving import terminal
from serving.progress import open_progress

if TYPE_CHECKING:
    from graph.agent import Agent
    from nodes import Result, Task
    from serving.commands import Models


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn is asked.

    Attributes:
        text: The request.
        thread_id: The session.
        tests: The user's tests, or nothing.
        task: The kind of task, if the user said so.
    """

    text: str
    thread_id: str
    tests: str = ""
    task: Task | None = None


def read_settings(models: Models) -> Settings:
    """The settings with what the command line says about models; says so when no model is configured.

    Raises:
        SettingsError: When a setting is wrong.
    """
    given = {"reasoning_model": models.reasoning, "coding_model": models.coding}
    settings = Settings(**{name: chain for name, chain in given.items() if chain is not None})
    if roles := settings.unconfigured:
        what = "no model is configured" if len(roles) > 1 else f"no {roles[0]} model is configured"
        missing = " and ".join(f"DUOGRAPH_{role.upper()}_MODEL" for role in roles)
        terminal.notice(
            f"duograph: {what}, so the embedded offline model answers; connect one with {missing}, "
            "such as openai:gpt-5."
        )
    return settings


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
    started = time.monotonic()
    result: Result | None = None
    with open_progress() as progress:
        events = agent.astream(turn.text, tests=turn.tests, task=turn.task, thread_id=turn.thread_id)
        async with aclosing(events):
            async for event in events:
                progress.show(event)
                if isinstance(event, Finished):
                    result = event.result
    if result is None:
        raise RuntimeError("The turn ended without a result.")
    calls = f"{len(result.calls)} call{'' if len(result.calls) == 1 else 's'}"
    return Outcome(result, f"thread {turn.thread_id} · {calls} · {time.monotonic() - started:.1f} s")
