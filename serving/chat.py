"""`duograph chat`: a session, one turn after the other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from serving import exits, terminal
from serving.approval import ask_about, can_ask, make_answer, read_edited
from serving.chat_files import ChatFiles, save
from serving.faults import InputError, fault_of
from serving.inputs import read_thread
from serving.signals import Interrupted
from serving.text import one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from graph.agent import Agent
    from graph.questions import Answer
    from nodes import Context, Result
    from sandbox import SourceFile
    from serving.running import Runner
    from serving.signals import Signals
    from serving.turn import Outcome

HELP = """\
/tests FILE  your next request is code that must pass these tests; they stay until a solution
             was run against them; /tests alone drops them
/out DIR     write solutions into this folder from now on; /out alone stops that
/save DIR    write the session's last solution into this folder
/approve     let the code be written by the plan that waits (with --approve-plan); also
             /edit FILE, with the plan in a file, and /reject [WHY]; where calls wait that may
             change something, /approve, /always (in this session) and /reject [WHY]
/resume      go on with the turn that was cut off
/new         begin a new session
/help        show this
/quit        leave (so do Ctrl-D, and Ctrl-C while you type)"""


_STANDINGS = {
    "busy": "a turn is running here in another process: what you ask waits until it has ended",
    "cut": "the last turn was cut off: /resume goes on with it, anything else drops it",
    "waiting": "the plan waits: /approve, /edit FILE or /reject; anything else drops it",
    "asking": "calls wait for your consent: /approve, /always or /reject; anything else drops them",
}


def chat(*, thread: str | None, last: bool, settings: Mapping[str, str], signals: Signals) -> int:
    """Talk until the user leaves, and give the exit code.

    From a pipe it is the code of the first turn that did not end well.

    Raises:
        InputError: When the last session is wanted and there is none.
        Interrupted: When a signal ends the session.
    """
    thread_id = read_thread(thread)
    with terminal.starting():
        import graph.agent  # noqa: F401, PLC0415  # seconds of imports, after the cheap checks
        from serving.running import Runner  # noqa: PLC0415  # the same
        from serving.turn import models_of, open_agent  # noqa: PLC0415  # the same

    agent = open_agent(settings)
    with Runner(signals) as runner:
        talk = Chat(agent, runner, signals, thread_id, models_of(settings))
        try:
            if last:
                talk.thread_id = _last_session(agent)
            return talk.run()
        except Interrupted as stop:
            stop.hint = f"go on with: duograph chat --thread {talk.thread_id}"
            raise
        finally:
            if signals.received is None:
                runner.run(agent.aclose)


def _last_session(agent: Agent) -> str:
    found = agent.sessions.list(limit=1)
    if not found:
        raise InputError("There is no session to go on with yet: leave out --last.")
    return found[0].thread_id


class Chat:
    """The loop of prompts and turns.

    Attributes:
        thread_id: The session that the next turn belongs to.
    """

    def __init__(
        self, agent: Agent, runner: Runner, signals: Signals, thread_id: str, models: Context
    ) -> None:
        self.thread_id = thread_id
        self._models = models
        self._agent = agent
        self._runner = runner
        self._signals = signals
        self._live = sys.stdin.isatty()
        self._files = ChatFiles()
        self._code = exits.DONE
        self._waits = False

    def run(self) -> int:
        """Read and answer until the input ends or the user quits."""
        if self._live:
            _load_line_editing()
            terminal.notice(f"duograph chat · thread {self.thread_id} · /help, /quit")
        self._show_where_we_are()
        while (text := self._read()) is not None:
            if text.startswith("/"):
                if not self._command(text):
                    break
            elif text:
                self._answer(text)
        if self._live:
            terminal.notice(f"go on with: duograph chat --thread {self.thread_id}")
        if self._live:
            return exits.DONE
        return self._code or (exits.WAITING if self._waits else exits.DONE)

    def _read(self) -> str | None:
        """The next line, or None at the end."""
        if not self._live:
            data = sys.stdin.buffer.readline()
            return data.decode("utf-8", errors="replace").strip() if data else None
        try:
            return input("> " if terminal.is_terminal(sys.stdout) else "").strip()
        except EOFError:
            sys.stderr.write("\n")
            return None
        except Interrupted as stop:
            self._forget(stop)
            sys.stderr.write("\n")
            return None

    def _forget(self, stop: Interrupted) -> None:
        """Let Ctrl-C end only what it interrupted; any other signal ends the session."""
        if stop.exit_code != exits.INTERRUPTED:
            raise stop
        self._signals.forget()

    def _command(self, text: str) -> bool:
        """Do what a line with a slash says; False to leave."""
        name, _, rest = text.partition(" ")
        rest = rest.strip()
        try:
            if name == "/quit":
                return False
            if name == "/new":
                self.thread_id = read_thread(None)
                terminal.notice(f"thread {self.thread_id}")
            elif name == "/tests":
                self._files.choose_tests(rest)
            elif name == "/out":
                self._files.choose_folder(rest)
            elif name == "/save":
                save(rest, self._solution)
            elif name == "/resume":
                self._resume(None)
            elif name in {"/approve", "/edit", "/reject", "/always"}:
                self._answer_what_waits(name, rest)
            else:
                for line in (
                    HELP.splitlines() if name == "/help" else [f"{name} is unknown; /help lists what is."]
                ):
                    sys.stderr.write(line + "\n")
        except ValueError as error:
            self._complain(error)
        return True

    def _solution(self) -> list[SourceFile]:
        """The session's last solution."""
        return self._runner.run(lambda: self._agent.solution(self.thread_id))

    def _answer_what_waits(self, name: str, rest: str) -> None:
        """Go on with the turn whose plan or calls wait."""
        if name == "/always":
            from nodes import ConsentAnswer  # noqa: PLC0415  # loaded by now

            self._resume(ConsentAnswer(decision="always"))
            return
        if name == "/edit" and (not rest or rest == "-"):
            raise InputError("/edit needs a file: write the plan into it, with its acceptance tests.")
        plan = read_edited(rest) if name == "/edit" else None
        reason = rest if name == "/reject" else ""
        self._resume(make_answer(approve=name != "/reject", plan=plan, reason=reason))

    def _answer(self, text: str) -> None:
        """One turn."""
        from serving.turn import Turn, run_turn  # noqa: PLC0415  # loaded by now

        asks = self._live and can_ask()
        turn = Turn(text, self.thread_id, self._files.tests, models=self._models, asks=asks)
        self._ask_on(self._show(lambda: run_turn(self._agent, turn)))

    def _ask_on(self, result: Result | None) -> None:
        """Ask the person as long as the turn waits for an answer and gets one."""
        if result is None or result.status != "waiting":
            return
        if (answer := self._ask_about(result)) is not None:
            self._resume(answer)
        else:
            terminal.notice(_STANDINGS["asking" if result.asked else "waiting"])

    def _ask_about(self, result: Result) -> Answer | None:
        """The person's answer; none from a pipe, where commands give it, nor after Ctrl-C."""
        try:
            return ask_about(result) if self._live and can_ask() else None
        except Interrupted as stop:
            self._forget(stop)
            sys.stderr.write("\n")
            return None

    def _show_where_we_are(self) -> None:
        """What is left to do in a session that is gone on with, and to a person what was said last there."""
        standing: str = self._runner.run(lambda: self._agent.standing(self.thread_id))
        if standing == "cut" and self._runner.run(lambda: self._agent.is_busy(self.thread_id)):
            standing = "busy"
        if self._live and standing != "new":
            self._show_what_was_said_last()
        if standing in _STANDINGS:
            terminal.notice(_STANDINGS[standing])

    def _show_what_was_said_last(self) -> None:
        session = self._agent.sessions.show(self.thread_id)
        for message in session.messages[-2:]:
            if message.role == "user":
                terminal.line(f"> {one_line(message.text)}")
            else:
                terminal.answer(message.text)

    def _resume(self, answer: Answer | None) -> None:
        """The rest of a turn that was cut off, or that waited."""
        from serving.turn import resume_turn  # noqa: PLC0415  # loaded by now

        self._ask_on(self._show(lambda: resume_turn(self._agent, self.thread_id, answer, self._models)))

    def _show(self, work: Callable[[], Awaitable[Outcome]]) -> Result | None:
        """Run a turn and show what it came to; Ctrl-C ends it, and the session when nobody is there."""
        try:
            outcome = self._runner.run(work)
            result = outcome.result
            terminal.answer(result.answer)
            terminal.notice(outcome.footer)
            self._waits = result.status == "waiting"
            if not self._waits:
                self._note(exits.of_result(result))
            self._files.settle_tests(result)
            self._files.write(result)
        except Interrupted as stop:
            if not self._live:
                raise
            self._forget(stop)
            terminal.notice("duograph: the turn was interrupted; /resume goes on with it.")
        except ValueError as error:
            self._complain(error)
        else:
            return result
        return None

    def _complain(self, error: ValueError) -> None:
        """Say what the user can mend and go on; anything else ends the program."""
        fault = fault_of(error)
        if fault.exit_code != exits.USAGE:
            raise error
        terminal.notice(f"duograph: {fault.message}")
        self._note(fault.exit_code)

    def _note(self, code: int) -> None:
        self._code = self._code or code


def _load_line_editing() -> None:
    """Give `input` arrow keys and history, where Python was built with them."""
    try:
        import readline  # noqa: F401, PLC0415  # importing it is what switches it on
    except ImportError:
        return
