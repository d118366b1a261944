"""`duograph ask`: one request, one answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from serving import exits, terminal
from serving.faults import Fault, InputError, fault_of
from serving.files import Destination
from serving.inputs import read_code, read_request, read_tests, read_thread
from serving.signals import Interrupted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nodes import Result, Task
    from sandbox import SourceFile
    from serving.signals import Signals
    from serving.turn import Outcome


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
    destination = None
    if question.out is not None:
        destination = Destination(Path(question.out), force=question.force)
        destination.check()
    elif question.force:
        raise InputError("--force goes with --out: name the folder to write to.")
    thread_id = read_thread(question.thread)
    asked = Asked(
        read_request(question.text), thread_id, read_tests(question.tests), read_code(question.code)
    )
    try:
        outcome = _answer(question, asked, settings=settings, signals=signals)
    except Interrupted as stop:
        stop.hint = f"go on with: duograph ask --thread {thread_id} TEXT"
        raise
    fault = _write(outcome.result, destination)
    _show(outcome, fault, as_json=as_json)
    return fault.exit_code if fault else exits.of_result(outcome.result)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the words of a question led to: the request's text, session, tests and files."""

    text: str
    thread_id: str
    tests: str
    code: Sequence[SourceFile]


def _answer(question: Question, asked: Asked, *, settings: Mapping[str, str], signals: Signals) -> Outcome:
    """Load the graph and run the turn."""
    with terminal.starting():
        import graph.agent  # noqa: F401, PLC0415  # seconds of imports, after the cheap checks
        from serving.bounds import describe  # noqa: PLC0415  # the same
        from serving.running import Runner  # noqa: PLC0415  # the same
        from serving.turn import Turn, bounds_of, open_agent, run_turn  # noqa: PLC0415  # the same

    task = cast("Task | None", question.task)  # click has checked it
    turn = Turn(asked.text, asked.thread_id, asked.tests, task, asked.code)
    agent = open_agent(settings)
    if question.explain:
        for name, most in describe(bounds_of(agent.graph)):
            terminal.notice(f"at most: {name} {most}")

    async def work() -> Outcome:
        async with agent:
            return await run_turn(agent, turn)

    with Runner(signals) as runner:
        return runner.run(work)


def _write(result: Result, destination: Destination | None) -> Fault | None:
    """Write the files if the user wants them; the answer is shown even when that fails."""
    if destination is None:
        return None
    if not result.files:
        terminal.notice(f"duograph: the answer has no files, so nothing was written to {destination.folder}.")
        return None
    try:
        places = destination.write(result.files)
    except InputError as error:
        return fault_of(error)
    doubt = "" if result.verification.status == "verified" else " (not verified)"
    for place in places:
        terminal.notice(f"wrote {place}{doubt}")
    return None


def _show(outcome: Outcome, fault: Fault | None, *, as_json: bool) -> None:
    """Print the answer, its footer, then what went wrong with its files."""
    if as_json:
        plain: dict[str, Any] = outcome.result.model_dump(mode="json")
        if fault:
            plain["error"] = {"type": fault.kind, "message": fault.message}
        terminal.json_object(plain)
    else:
        terminal.answer(outcome.result.answer)
    terminal.notice(outcome.footer)
    if fault:
        terminal.notice(f"duograph: {fault.message}")
