"""Sessions of our own graph in files of unknown origin: they are gone on with, or refused in one sentence."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from checkpoints import SessionFileError, Sessions, ThreadIdError, export_session, import_session, moments
from graph.agent import Agent, RequestError
from graph.saver import open_sessions
from graph.settings import Settings
from graph.state import Context, Input, State
from nodes import Result
from tests.checkpoints.tampering import packed, tamper, unpacked
from tests.support import ASK, GOOD, PLAN, AgentMaker

PATIENT: dict[str, Any] = {"content": PLAN, "repeat": True}
CODER: dict[str, Any] = {"content": GOOD, "repeat": True}


def exported(agent: Agent, before: str | None, home: Path, **choices: Any) -> dict[str, Any]:  # noqa: ANN401
    """A session that was cut off before a node, waits, or ended."""
    thread = before or "whole"
    asked = Input(messages=[HumanMessage(ASK)])
    agent.graph.invoke(
        asked,
        {"configurable": {"thread_id": thread}},
        context=Context(**choices),
        interrupt_before=[before] if before and before != "waits" else None,
    )
    with open_sessions(chosen(home)) as saver:
        found: dict[str, Any] = export_session(saver, thread).model_dump(mode="json")
        return found


def chosen(home: Path) -> Settings:
    return Settings(home=home, user_settings=False)


def goes_on(agent: Agent, thread_id: str) -> None:
    """A turn that was cut off or waits goes on to a result, or one sentence says why not."""
    agent.sessions.show(thread_id).model_dump_json()
    for approve in (None, True):
        with suppress(RequestError):
            assert isinstance(agent.resume(thread_id, approve=approve), Result)


@pytest.mark.parametrize("examples", [20, pytest.param(60, marks=pytest.mark.slow)])
def test_a_tampered_file_of_ours_is_gone_on_with_or_refused(
    make_agent: AgentMaker, tmp_path: Path, examples: int
) -> None:
    agent, home = make_agent([PATIENT], [CODER]), tmp_path / "home"
    plains = [
        exported(agent, "review", home),
        exported(agent, "code", home),
        exported(agent, "waits", home, plan_approval=True),
        exported(agent, None, home),
    ]
    made = 0

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        nonlocal made
        made += 1
        plain = data.draw(st.sampled_from(plains))
        parts = unpacked(plain)
        tamper(parts, data.draw)
        try:
            text = packed(plain, parts)
        except Exception:  # noqa: BLE001  # what no file can hold
            return
        with open_sessions(chosen(home)) as saver:
            before = len(Sessions(saver).list(None))
            try:
                thread_id = import_session(saver, text, into=f"made-{made}", state=State)
            except (SessionFileError, ThreadIdError):
                assert len(Sessions(saver).list(None)) == before
                return
            moments(saver, thread_id)
        goes_on(agent, thread_id)
        with open_sessions(chosen(home)) as saver:
            export_session(saver, thread_id)

    check()


def test_every_kind_of_session_comes_back_whole(make_agent: AgentMaker, tmp_path: Path) -> None:
    agent, home = make_agent([PATIENT], [CODER]), tmp_path / "home"
    for before in ("reason", "code", "verify", "review", "respond", "waits", None):
        choices = {"plan_approval": True} if before == "waits" else {}
        text = json.dumps(exported(agent, before, home, **choices))
        with open_sessions(chosen(home)) as saver:
            into = import_session(saver, text, into=f"copy-{before}", state=State)
        if before is not None:
            result = agent.resume(into, approve=True if before == "waits" else None)
            assert result.verification.status == "verified", before
        assert agent.sessions.show(into).turns == 1
