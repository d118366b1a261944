"""Forks, files, copies, pruning and deleting on a server: as in a file."""

from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from checkpoints import (
    DatabaseError,
    Sessions,
    SessionSaver,
    export_session,
    fork,
    import_session,
    moments,
    open_saver,
)
from tests.checkpoints.postgres.servers import count
from tests.checkpoints.test_history import Counted, place

pytestmark = pytest.mark.slow


def test_history_forks_files_and_copies_work_as_in_a_file(target: str) -> None:
    with open_saver(target) as saver:
        counted = Counted(saver)
        counted.ask("t", "one")
        counted.ask("t", "two")
        steps = moments(saver, "t")
        assert [moment.turn for moment in steps] == [2, 2, 2, 1, 1, 1]
        fork(saver, "t", at=steps[3].checkpoint_id, into="branch")
        assert counted.texts("branch") == counted.texts("t")[:3]
        import_session(saver, export_session(saver, "t").model_dump_json(), into="again")
        saver.copy_thread("t", "twin")
        for name in ("again", "twin"):
            assert counted.texts(name) == counted.texts("t")
        assert len(moments(saver, "twin")) == 6
        with pytest.raises(DatabaseError, match="twin exists already"):
            saver.copy_thread("t", "twin")
        listed = {session.thread_id: (session.title, session.turns) for session in Sessions(saver).list()}
        assert listed == {"t": ("one", 2), "again": ("one", 2), "twin": ("one", 2), "branch": ("one", 1)}
        saver.delete_thread("t")
        assert len(Sessions(saver).list()) == 3


def kept(saver: SessionSaver) -> list[tuple[int, tuple[str, ...]]]:
    return [(moment.step, moment.following) for moment in moments(saver, "t")]


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_same_turns_stay_as_in_a_file(target: str, keep: int) -> None:
    """Plain turns, one that waits for a person, and a fork of an old step, side by side on both."""
    with open_saver(":memory:", keep_turns=keep) as file, open_saver(target, keep_turns=keep) as server:
        stay: list[Any] = []
        for saver in (file, server):
            counted = Counted(saver)
            for turn in range(3):
                counted.ask("t", str(turn))
            counted.asks = True
            counted.ask("t", "wait")
            counted.graph.invoke(Command(resume="yes"), place("t"))
            counted.asks = False
            for turn in range(3):
                counted.ask("t", str(turn))
            grown = kept(saver)
            saver.prune(["t"], strategy="keep_turns")
            stay.append((grown, kept(saver), counted.texts("t")))
            saver.prune(["t"])
            assert len(kept(saver)) == 1
            assert counted.texts("t") == stay[-1][2]
            counted.ask("t", "last")
    assert stay[0] == stay[1]


def test_pruning_and_deleting_leave_nothing_that_nobody_needs(target: str) -> None:
    with open_saver(target, keep_turns=2) as saver:
        counted = Counted(saver)
        for turn in range(12):
            counted.ask("t", str(turn))
        values = count(target, "checkpoint_blobs")
        for turn in range(12):
            counted.ask("t", str(turn))
        assert count(target, "checkpoint_blobs") <= values + 3
        assert len(counted.texts("t")) == 72
        saver.prune(["t"], strategy="delete_all")
        assert Sessions(saver).list() == []
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "duograph_sessions"):
        assert count(target, table) == 0


def test_deleting_a_run_shows_the_session_as_it_was_before(target: str) -> None:
    with open_saver(target) as saver:
        counted = Counted(saver)
        for run in ("r1", "r2"):
            config: RunnableConfig = {"configurable": {"thread_id": "t", "run_id": run}}
            counted.graph.invoke({"messages": [("user", run)]}, config)
        saver.delete_for_runs(["r2"])
        assert counted.texts("t")[0] == "r1"
        assert Sessions(saver).list()[0].turns == 1
        saver.delete_for_runs(["r1"])
        assert Sessions(saver).list() == []
