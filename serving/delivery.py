"""What a turn came to, delivered: files written, the answer or JSON printed, an exit code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving import exits, terminal
from serving.approval import ask_about, can_ask
from serving.faults import Fault, InputError, fault_of
from serving.files import Destination

if TYPE_CHECKING:
    from graph.agent import Agent
    from graph.questions import Answer
    from nodes import Context, Result
    from serving.running import Runner
    from serving.turn import Outcome


@dataclass(frozen=True, slots=True)
class Target:
    """Where a result goes.

    Attributes:
        out: The folder for the solution's files.
        force: Whether files there may be replaced.
        as_json: Whether JSON is printed.
    """

    out: str | None = None
    force: bool = False
    as_json: bool = False

    def check(self) -> Destination | None:
        """See whether files can be written, before there are any.

        Raises:
            InputError: When not.
        """
        if self.out is None:
            if self.force:
                raise InputError("--force goes with --out: name the folder to write to.")
            return None
        if not self.out.strip():
            raise InputError("--out is empty: name a folder, or . for this one.")
        destination = Destination(Path(self.out), force=self.force)
        destination.check()
        return destination

    def deliver(self, outcome: Outcome, destination: Destination | None) -> int:
        """Write the files if the user wants them, show the result, and give the exit code.

        The answer is shown even when its files cannot be written.
        """
        result = outcome.result
        written, fault = _write(result, destination)
        if self.as_json:
            plain: dict[str, Any] = result.model_dump(mode="json") | {"written": [str(p) for p in written]}
            if fault:
                plain["error"] = {"type": fault.kind, "message": fault.message}
            terminal.json_object(plain)
        else:
            terminal.answer(result.answer)
        terminal.notice(outcome.footer)
        if fault:
            terminal.notice(f"duograph: {fault.message}")
            return fault.exit_code
        return exits.of_result(result)

    def approved(
        self, outcome: Outcome, agent: Agent, runner: Runner, models: Context | None = None
    ) -> Outcome:
        """The outcome after the person at the terminal, if there is one, has answered whatever it asks.

        Raises:
            Interrupted: When a signal came; what waits goes on waiting.
        """
        while outcome.result.status == "waiting" and not self.as_json and can_ask():
            answer, thread_id = ask_about(outcome.result), outcome.result.thread_id
            if answer is None or thread_id is None:
                break
            outcome = _resumed(agent, runner, thread_id, answer, models)
        return outcome


def _resumed(agent: Agent, runner: Runner, thread_id: str, answer: Answer, models: Context | None) -> Outcome:
    from serving.turn import resume_turn  # noqa: PLC0415  # loaded by now

    return runner.run(lambda: resume_turn(agent, thread_id, answer, models))


def _write(result: Result, destination: Destination | None) -> tuple[list[Path], Fault | None]:
    """The files that were written, and what kept them from being."""
    if destination is None or result.status == "waiting":
        return [], None
    if not result.files:
        terminal.notice(f"duograph: the answer has no files, so nothing was written to {destination.folder}.")
        return [], None
    try:
        places = destination.write(result.files)
    except InputError as error:
        return [], fault_of(error)
    say_written(result, places)
    return places, None


def say_written(result: Result, places: list[Path]) -> None:
    """One line for each file, which says when it is not proved."""
    doubt = "" if result.verification.status == "verified" else " (not verified)"
    for place in places:
        terminal.notice(f"wrote {place}{doubt}")
