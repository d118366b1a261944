"""Arguments of the wrong kind: one sentence each, and nothing done."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata, empty_checkpoint

from checkpoints import SessionSaver, ThreadIdError, open_saver
from checkpoints.health import inspect_database

OLD: RunnableConfig = {"configurable": {"thread_id": "old", "checkpoint_ns": ""}}
METADATA: CheckpointMetadata = {"source": "input", "step": -1, "parents": {}}


async def refuse_single_ids(saver: SessionSaver) -> None:
    """Check that a single id is not taken for a list of its letters."""
    as_bytes: Any = b"old"
    told = r"^thread_ids is the text 'old': give a list, \['old'\]\.$"
    for single in ("old", as_bytes):
        with pytest.raises(TypeError, match=told):
            saver.prune(single, strategy="delete")
        with pytest.raises(TypeError, match=told):
            await saver.aprune(single, strategy="delete")
    told = r"^run_ids is the text 'run3': give a list, \['run3'\]\.$"
    with pytest.raises(TypeError, match=told):
        saver.delete_for_runs("run3")
    with pytest.raises(TypeError, match=told):
        await saver.adelete_for_runs("run3")


async def refuse_nameless_copies(saver: SessionSaver) -> None:
    """Check that a copy gets an id, which may be any that `put` takes, and that no thread is made without."""
    saver.put(OLD, empty_checkpoint(), METADATA, {})
    none: Any = None
    told = r"^The target_thread_id is empty: give the copy an id\.$"
    for odd in ("", " ", none):
        with pytest.raises(ThreadIdError, match=told):
            saver.copy_thread("old", odd)
        with pytest.raises(ThreadIdError, match=told):
            await saver.acopy_thread("old", odd)
    assert [span.thread_id for span in saver.thread_spans()] == ["old"]
    saver.copy_thread("old", "ana@example.com/2")
    assert {span.thread_id for span in saver.thread_spans()} == {"old", "ana@example.com/2"}


async def test_a_single_id_is_not_taken_for_a_list() -> None:
    with open_saver(":memory:") as saver:
        await refuse_single_ids(saver)


async def test_a_copy_gets_an_id() -> None:
    with open_saver(":memory:") as saver:
        await refuse_nameless_copies(saver)


@pytest.mark.slow
async def test_a_server_refuses_the_same(postgres_database: str) -> None:
    with open_saver(postgres_database) as saver:
        await refuse_single_ids(saver)
        await refuse_nameless_copies(saver)


@pytest.mark.parametrize("turns", ["x", 1.5, True, "20"])
def test_turns_that_are_no_whole_number_are_refused(turns: Any) -> None:  # noqa: ANN401
    with pytest.raises(TypeError, match=f"^keep_turns is {turns!r}: give a whole number of turns, or None"):
        open_saver(":memory:", keep_turns=turns)


@pytest.mark.parametrize("target", [5, None, b"s.db"])
@pytest.mark.parametrize("use", [open_saver, inspect_database])
def test_a_target_that_is_no_path_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    use: Callable[[Any], object],
    target: Any,  # noqa: ANN401
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TypeError, match=f"^The target of a session database is {target!r}: give the path"):
        use(target)


def test_any_path_is_taken_for_what_it_is(tmp_path: Path) -> None:
    class Place:
        def __fspath__(self) -> str:
            return str(tmp_path / "s.db")

    place: Any = Place()
    with open_saver(place):
        assert (tmp_path / "s.db").exists()
