"""`duograph ask`: one request, one answer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, cast

from serving import terminal
from serving.approval import can_ask
from serving.delivery import Target
from serving.inputs import read_code, read_request, read_tests, read_thread
from serving.signals import Interrupted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nodes import Task
    from sandbox import SourceFile
    from serving.files import Destination
    from serving.signals import Signals


@dataclass(frozen=True, slots=True)
class Question:
    """The words of one `duograph ask`.

    Attributes:
        text: The request, or `-` for standard input.
        thread: The session to go on with.
        tests: The tests' file.
        code: Files that the request is about.
        task: The kind of task.
        out: The folder for the solution's files.
        force: Whether files there may be replaced.
        explain: Whether to say first what the turn can use at most.
    """

    text: str
    thread: str | None = None
    tests: str | None = None
    code: tuple[str, ...] = ()
    task: str | None = None
    out: str | None = None
    force: bool = False
    explain: bool = False


def ask(question: Question, *, settings: Mapping[str, str], signals: Signals, as_json: bool) -> int:
    """Answer one request and give the exit code.

    Raises:
        InputError: When a file or an argument cannot be used; nothing has run then.
        Interrupted: When a signal came; its hint says how to go on.
    """
    target = Target(question.out, force=question.force, as_json=as_json)
    destination = target.check()
    thread_id = read_thread(question.thread)
    asked = Asked(
        read_request(question.text), thread_id, read_tests(question.tests), read_code(question.code)
    )
    try:
        return _answer(question, asked, target, destination, settings=settings, signals=signals)
    except Interrupted as stop:
        begun = asked.begun.is_set()
        stop.hint = (
            f"go on with: duograph resume {thread_id}" if begun else "the request was not begun: ask it again"
        )
        raise


@dataclass(frozen=True, slots=True)
class Asked:
    """What the words of a question led to: the text, session, tests and files; and whether its turn runs."""

    text: str
    thread_id: str
    tests: str
    code: Sequence[SourceFile]
    begun: Event = field(default_factory=Event)


def _answer(  # noqa: PLR0913  # the words, where the answer goes, and how the process is told
    question: Question,
    asked: Asked,
    target: Target,
    destination: Destination | None,
    *,
    settings: Mapping[str, str],
    signals: Signals,
) -> int:
    """Load the graph, run the turn, ask the person about its plan where that is wanted, and deliver."""
    with terminal.starting():
        import graph.agent  # noqa: F401, PLC0415  # seconds of imports, after the cheap checks
        from serving.bounds import describe  # noqa: PLC0415  # the same
        from serving.running import Runner  # noqa: PLC0415  # the same
        from serving.turn import Turn, bounds_of, models_of, open_agent, run_turn  # noqa: PLC0415  # the same

    task = cast("Task | None", question.task)  # click has checked it
    asks = can_ask() and not target.as_json
    turn = Turn(
        asked.text,
        asked.thread_id,
        asked.tests,
        task,
        asked.code,
        models_of(settings),
        asks=asks,
        begun=asked.begun,
    )
    agent = open_agent(settings)
    if question.explain:
        for name, most in describe(bounds_of(agent.graph)):
            terminal.notice(f"at most: {name} {most}")

    with Runner(signals) as runner:
        try:
            outcome = runner.run(lambda: run_turn(agent, turn))
            # Before closing, which leaves what is learned from the turn a few seconds.
            return target.deliver(target.approved(outcome, agent, runner), destination)
        finally:
            if signals.received is None:
                with suppress(Interrupted):  # the answer is there
                    runner.run(agent.aclose)
