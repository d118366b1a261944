"""A session's decisions go where it goes: into copies and files, and through the death of a process."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from checkpoints import export_session, import_session
from checkpoints.history import fork
from duograph import Agent, Context, Result, Settings
from graph.saver import open_sessions
from graph.services import Services
from graph.state import State
from tests.support import Fixed, Lines

Script = Callable[[str, Lines], str]
VAGUE = "that thing from before, in blue"
ANSWER = {"content": "An answer.", "repeat": True}
OTHER = Fixed("explanation", confidence=0.99, tier="local")
"""What a later process would decide by itself."""


def agent(home: Path, model: str, guess: Fixed = OTHER) -> Agent:
    settings = Settings(home=home, reasoning_model=model, coding_model="offline")
    services = Services.from_settings(settings, remembers=True)
    return Agent(settings, services=replace(services, classifier=guess))


def taken_for(result: Result) -> tuple[str, str]:
    return result.task, result.decision.tier


@pytest.fixture
def models(script: Script) -> tuple[str, str]:
    """One that says what the request is, and one that is not asked."""
    return script("says", [{"step": "route", "content": "planning"}, ANSWER]), script("silent", [ANSWER])


def test_copies_and_files_of_a_session_hold_its_decisions(models: tuple[str, str], tmp_path: Path) -> None:
    home, says, silent = tmp_path / "home", *models
    with agent(home, says, Fixed()) as one:
        assert taken_for(one.ask(VAGUE, thread_id="s")) == ("planning", "model")
    settings = Settings(home=home)
    with open_sessions(settings) as saver:
        copy = fork(saver, "s", into="copy")
        text = export_session(saver, "s").model_dump_json()
    with open_sessions(Settings(home=tmp_path / "elsewhere")) as saver:
        import_session(saver, text, into="came", state=State)
    with agent(home, silent) as one, agent(tmp_path / "elsewhere", silent) as other:
        assert taken_for(one.ask(VAGUE, thread_id=copy)) == ("planning", "session")
        assert taken_for(other.ask(VAGUE, thread_id="came")) == ("planning", "session")
        assert taken_for(one.ask(VAGUE, thread_id="new")) == ("explanation", "classifier")


def test_two_agents_on_one_session_decide_alike(models: tuple[str, str], tmp_path: Path) -> None:
    says, silent = models
    with agent(tmp_path, silent) as other, agent(tmp_path, says, Fixed()) as one:
        assert taken_for(one.ask(VAGUE, thread_id="s")) == ("planning", "model")
        assert taken_for(other.ask(f"  {VAGUE}\n", thread_id="s")) == ("planning", "session")


def test_what_the_caller_says_of_one_turn_does_not_change_what_was_decided(
    models: tuple[str, str], tmp_path: Path
) -> None:
    with agent(tmp_path, models[0], Fixed()) as one:
        for task, expected in (
            ("general", ("general", "caller")),
            (None, ("planning", "model")),
            ("explanation", ("explanation", "caller")),
            (None, ("planning", "session")),
        ):
            assert taken_for(one.ask(VAGUE, thread_id="s", context=Context(task=task))) == expected


def test_a_long_session_notes_each_text_once(models: tuple[str, str], tmp_path: Path) -> None:
    with agent(tmp_path, models[1]) as one:
        for number in range(6):
            one.ask(f"Text {number % 2}", thread_id="s")
        noted = one.graph.get_state({"configurable": {"thread_id": "s"}}).values["decided"]
    assert len(noted) == 2
    assert all(len(line) < 80 for line in noted)
    assert not any("Text" in line for line in noted)


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from graph.events import NodeStarted
    from tests.graph.test_routing_sessions import VAGUE, agent
    from tests.support import Fixed

    with agent(Path(sys.argv[1]), sys.argv[2], Fixed()) as one:
        for event in one.stream(VAGUE, thread_id="s"):
            if isinstance(event, NodeStarted) and event.node == sys.argv[3]:
                os.kill(os.getpid(), signal.SIGKILL)
    """
)


def test_a_killed_process_leaves_what_was_decided(models: tuple[str, str], tmp_path: Path) -> None:
    says, silent = models
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    words = [sys.executable, "-c", KILLED, str(tmp_path), says, "respond"]
    done = subprocess.run(words, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    with agent(tmp_path, silent) as one:
        assert taken_for(one.ask(VAGUE, thread_id="s")) == ("planning", "session")
