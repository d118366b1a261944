"""A task's writes that could not be stored: the checkpoint that follows on them is refused."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from checkpoints import DatabaseError, open_saver
from tests.checkpoints.posting import put, refusing, stored, writes_of


async def test_the_checkpoint_that_follows_is_refused_when_they_were_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "s.db"
    async with open_saver(path) as saver:
        place, other = await put(saver, "bad"), await put(saver, "good")
        with refusing(path), caplog.at_level(logging.WARNING, "duograph"):
            await saver.aput_writes(place, [("value", 2)], "lost")
            await saver.aput_writes(other, [("value", 2)], "kept")
            with pytest.raises(DatabaseError, match="no room"):
                await put(saver, "bad", "not stored", after=place)
            await put(saver, "good", after=other)
        assert "session bad wrote was not stored" in caplog.text
        found = await saver.aget_tuple({"configurable": {"thread_id": "bad"}})
        assert found is not None
        assert found.checkpoint["channel_values"] == {"value": 1}
        assert writes_of(found) == []
        assert stored(path) == ["kept"]
        # Once told, it goes on.
        await saver.aput_writes(place, [("value", 2)], "again")
        await put(saver, "bad", after=place)
        assert stored(path) == ["again", "kept"]


async def test_a_task_that_is_run_again_mends_it(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_saver(path) as saver:
        place = await put(saver, "bad")
        with refusing(path):
            await saver.aput_writes(place, [("value", 2)], "task")
            await saver.aput_writes(place, [("value", 2)], "other")
            assert await saver.aget_tuple(place) is not None  # reading goes on, and takes nobody's error
        saver.put_writes(place, [("__interrupt__", "why")], "waits")
        await saver.aput_writes(place, [("value", 2)], "task")
        saver.put_writes(place, [("value", 2)], "other")
        await put(saver, "bad", after=place)
        assert stored(path) == ["other", "task", "waits"]


async def test_only_what_follows_on_them_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_saver(path) as saver:
        place, inner = await put(saver, "bad"), await put(saver, "bad", ns="inner:1")
        with refusing(path):
            await saver.aput_writes(place, [("value", 2)], "lost")
            await put(saver, "bad", ns="inner:1", after=inner)
        await saver.adelete_thread("bad")
        await put(saver, "bad")
        with pytest.raises(DatabaseError, match="no room"):
            await put(saver, "bad", after=place)
        await put(saver, "bad", after=place)


async def test_a_locked_file_is_told_of_once(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_saver(path, busy_timeout_s=0.05) as saver:
        place = await put(saver, "t")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await saver.aput_writes(place, [("value", 2)], "lost")
            with pytest.raises(DatabaseError):
                await put(saver, "t", after=place)
            other.execute("COMMIT")
        await put(saver, "t", after=place)
        assert stored(path) == []
