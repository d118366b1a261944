"""Opening without ever writing: beside a writer, where nobody may write, and what is refused."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata, empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver

from checkpoints import DatabaseError, SessionSaver, open_saver

THREAD: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
METADATA: CheckpointMetadata = {"source": "input", "step": -1, "parents": {}}
Spawn = Callable[..., "subprocess.Popen[str]"]


def put(saver: SessionSaver) -> None:
    saver.put(THREAD, empty_checkpoint(), METADATA, {})


async def test_a_reader_sees_what_a_writer_beside_it_does_and_may_not_write(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db") as writer:
        put(writer)
        async with open_saver(tmp_path / "s.db", read_only=True) as reader:
            put(writer)
            assert len(list(reader.list(THREAD))) == 2
            with pytest.raises(DatabaseError, match=r"s\.db was opened read-only"):
                put(reader)
            with pytest.raises(DatabaseError, match=r"s\.db was opened read-only"):
                await reader.adelete_thread("t")
            assert await reader.aget_tuple(THREAD) is not None


READER = """
    import os, sys
    from checkpoints import open_saver
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    with open_saver(sys.argv[1], read_only=True) as saver:
        print(len(list(saver.list(None))))
"""


def test_a_file_where_nobody_may_write_is_read_and_nothing_is_left_beside_it(
    open_folder: Path, child: Spawn
) -> None:
    place = open_folder / "closed"
    place.mkdir()
    with open_saver(place / "s.db") as saver:
        put(saver)
    before = (place / "s.db").read_bytes()
    (place / "s.db").chmod(0o444)
    place.chmod(0o555)
    assert child(READER, place / "s.db").communicate()[0] == "1\n"
    place.chmod(0o755)
    assert (place / "s.db").read_bytes() == before
    assert [item.name for item in place.iterdir()] == ["s.db"]


def test_a_file_that_is_refused_gets_nothing_beside_it(tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(str(tmp_path / "stock.db")) as stock:
        stock.put(THREAD, empty_checkpoint(), METADATA, {})
    with open_saver(tmp_path / "ours.db") as saver:
        put(saver)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["ours.db", "stock.db"]
    assert "holds sessions of LangGraph's SqliteSaver" in refusal(tmp_path / "stock.db")
    assert "is not encrypted, but a key was given" in refusal(tmp_path / "ours.db", key="a passphrase")
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_a_stock_file_in_use_is_refused_too(tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(str(tmp_path / "stock.db")) as stock:
        stock.put(THREAD, empty_checkpoint(), METADATA, {})
        assert "holds sessions of LangGraph's SqliteSaver" in refusal(tmp_path / "stock.db")
    assert [path.name for path in tmp_path.iterdir()] == ["stock.db"]


def test_a_file_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'file' / 's.db'} " in refusal(tmp_path / "file" / "s.db")
    assert "cannot be opened (File name too long)" in refusal(tmp_path / ("x" * 300))


def refusal(path: Path, key: str | None = None) -> str:
    with (
        pytest.raises(DatabaseError) as caught,
        open_saver(path, read_only=True, encryption_key=key),
    ):
        pass
    return str(caught.value)


def test_a_file_that_is_not_there_or_holds_nothing_is_not_made(tmp_path: Path) -> None:
    assert "does not exist: open it without `read_only`" in refusal(tmp_path / "s.db")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty.db").touch()
    assert "holds no sessions: open it once without `read_only`" in refusal(tmp_path / "empty.db")
    (tmp_path / "text.db").write_text("no database\n" * 200)
    assert "is not an SQLite database" in refusal(tmp_path / "text.db")
