"""What becomes of memory in a file that cannot be used, and what is said then."""

# ruff: noqa: ASYNC240 - nothing else runs while a test looks at its files
import asyncio
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from checkpoints import open_saver
from memory import MemoryStoreError
from memory.records import Query, Selection
from memory.sql import SqlMemory, open_memory
from memory.sql.schema import RECORDS, VERSION_TABLE
from tests.memory.making import chunk, everything, fact, found, texts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "sessions.sqlite"


async def kept(path: Path, *words: str) -> None:
    memory = open_memory(path)
    await memory.store("anna", [fact(word) for word in words])
    await memory.aclose()


async def test_nothing_is_made_before_something_is_kept(path: Path) -> None:
    memory = open_memory(path)
    assert await found(memory, "tea") == []
    assert await memory.forget("anna", Selection(subject="tea")) == 0
    assert await memory.store("anna", []) == []
    await memory.set_vectors("anna", "m", {})
    assert (await memory.status("anna")).is_available
    assert not path.parent.exists()
    await memory.store("anna", [fact("tea")])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    await memory.aclose()


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("mysql://root:secret@host/db", "of the kind mysql://: give the path"),
        ("  ", "names no file"),
        ("a\0b", "names no file"),
        ("postgresql://anna:se@cret@host:port/db", r"postgresql://anna@host:port/db cannot be read"),
    ],
)
async def test_a_place_that_cannot_be_is_told_without_a_password(target: str, wanted: str) -> None:
    with pytest.raises(MemoryStoreError, match=wanted) as caught:
        await open_memory(target).search("anna", Query(text="tea"))
    assert "secret" not in str(caught.value)
    assert "cret" not in str(caught.value)


async def test_a_server_that_is_not_there_is_told_without_a_password() -> None:
    memory = open_memory("postgresql://anna:se%63ret@127.0.0.1:1/db?password=hidden", busy_timeout_s=2)
    status = await memory.status("anna")
    assert (status.backend, status.is_available) == ("postgresql", False)
    assert "cannot be reached" in status.problem
    assert "start the server" in status.problem
    assert status.place == "postgresql://anna@127.0.0.1:1/db"
    for secret in ("se%63ret", "secret", "hidden"):
        assert secret not in status.problem
    await memory.aclose()


async def test_a_folder_is_no_file(tmp_path: Path) -> None:
    memory = open_memory(tmp_path)
    with pytest.raises(MemoryStoreError, match="is no file"):
        await memory.store("anna", [fact("tea")])
    assert not (await memory.status("anna")).is_available
    await memory.aclose()


async def test_what_is_no_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("a letter, and no database at all. " * 100, encoding="utf-8")
    memory = open_memory(path)
    for call in (memory.store("anna", [fact("tea")]), memory.search("anna", Query(text="tea"))):
        with pytest.raises(MemoryStoreError, match=rf"{path} is not an SQLite database: choose another file"):
            await call
    assert path.read_text(encoding="utf-8").startswith("a letter")
    await memory.aclose()


async def test_a_locked_file_is_waited_for_and_then_named(path: Path) -> None:
    await kept(path, "tea")
    memory = open_memory(path, busy_timeout_s=0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(MemoryStoreError, match="locked by another process: wait"):
            await memory.store("anna", [fact("coffee")])
        assert await texts(memory) == ["tea"]  # who reads waits for nobody
        other.execute("ROLLBACK")
    await memory.store("anna", [fact("coffee")])
    assert len(await texts(memory)) == 2
    await memory.aclose()


async def test_a_full_disk_keeps_nothing_of_what_had_no_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(path, "tea")
    real = sqlite3.connect

    def tight(*given: object, **more: object) -> sqlite3.Connection:
        connection = real(*given, **more)  # type: ignore[call-overload]  # as it was called
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 5}").fetchall()
        return connection  # type: ignore[no-any-return]  # sqlite3's own

    memory = open_memory(path)
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", tight)
        with pytest.raises(MemoryStoreError, match="disk is full: free some space"):
            await memory.store("anna", [fact(f"{number} coffee " * 500) for number in range(100)])
    assert await texts(memory) == ["tea"]
    await memory.store("anna", [fact("coffee")])
    assert len(await found(memory, "coffee tea")) == 2
    await memory.aclose()


async def test_a_damaged_record_is_named_and_can_be_forgotten(path: Path) -> None:
    await kept(path, "tea")
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute(f"UPDATE {RECORDS} SET body = '{{}}'")  # noqa: S608 - a constant
    memory = open_memory(path)
    record_id = fact("tea").id
    with pytest.raises(MemoryStoreError, match=f"record {record_id} is damaged"):
        await everything(memory)
    assert await memory.forget("anna", Selection(ids=(record_id,))) == 1
    assert await everything(memory) == []
    await memory.aclose()


async def test_a_file_whose_pages_are_damaged_is_named(path: Path) -> None:
    await kept(path, *(f"{number} cups of tea" for number in range(300)))
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        conn.execute("PRAGMA journal_mode=DELETE")
    data = bytearray(path.read_bytes())
    data[8192:] = b"\x5a" * (len(data) - 8192)
    path.write_bytes(data)
    memory = open_memory(path)
    with pytest.raises(MemoryStoreError, match=str(path)):
        await everything(memory)
    assert not (await memory.status("anna")).is_available
    await memory.aclose()


READER = """
    import asyncio, os, sys
    from memory import MemoryStoreError
    from memory.records import Query, Record
    from memory.sql import open_memory

    async def main(target):
        memory = open_memory(target)
        print([hit.item.record.text for hit in await memory.search("anna", Query(text="tea"))])
        try:
            await memory.store("anna", [Record(kind="fact", text="coffee")])
        except MemoryStoreError as error:
            print(error)
        await memory.aclose()

    if os.geteuid() == 0:  # who may write anywhere; what is imported late may be theirs alone
        asyncio.run(main(":memory:"))
        os.setgid(65534)
        os.setuid(65534)
        print("and now")
    asyncio.run(main(sys.argv[1]))
"""


async def test_a_file_that_may_not_be_written_is_still_read() -> None:
    # Not below pytest's own folder, which nobody else may enter.
    place = Path(tempfile.mkdtemp(prefix="memory"))
    path = place / "sessions.sqlite"
    try:
        await kept(path, "tea")
        path.chmod(0o444)
        place.chmod(0o555)
        command = [sys.executable, "-c", textwrap.dedent(READER), str(path)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        assert done.stdout.rpartition("and now\n")[2].startswith("['tea']\n"), done.stderr
        assert (
            f"The memory in {path} may not be written: make the file and its folder writable" in done.stdout
        )
        assert [one.name for one in place.iterdir()] == [path.name]
    finally:
        place.chmod(0o755)
        shutil.rmtree(place)


async def test_another_file_in_the_same_place_is_read_from_then_on(path: Path, tmp_path: Path) -> None:
    await kept(path, "tea")
    await kept(tmp_path / "copy.sqlite", "coffee")
    memory = open_memory(path)
    assert await texts(memory) == ["tea"]
    shutil.copy(tmp_path / "copy.sqlite", tmp_path / "new.sqlite")
    (tmp_path / "new.sqlite").replace(path)
    assert await texts(memory) == ["coffee"]
    path.unlink()
    assert await texts(memory) == []
    await memory.aclose()


async def test_beside_encrypted_sessions_there_is_no_memory(path: Path) -> None:
    pytest.importorskip("Crypto", reason="the extra `encryption` is not installed")
    with open_saver(path, encryption_key="a key of more than sixteen signs"):
        pass
    memory = open_memory(path)
    for call in (memory.store("anna", [fact("tea")]), memory.search("anna", Query(text="tea"))):
        with pytest.raises(MemoryStoreError, match=r"encrypted.*DUOGRAPH_MEMORY=0"):
            await call
    with closing(sqlite3.connect(path)) as conn:
        assert not conn.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (VERSION_TABLE,)).fetchall()
    await memory.aclose()


async def test_memory_and_sessions_share_a_file_whoever_comes_first(path: Path) -> None:
    await kept(path, "tea")
    with open_saver(path) as saver:
        assert saver.get_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": ""}}) is None
        await kept(path, "coffee")
    memory = open_memory(path)
    assert len(await texts(memory)) == 2
    await memory.aclose()


async def test_a_turn_that_is_cancelled_leaves_whole_records(path: Path) -> None:
    memory = open_memory(path)
    await memory.store("anna", [fact("tea")])
    many = [chunk(f"part {number}", "a.md", line=number + 1) for number in range(300)]
    task = asyncio.create_task(memory.store("anna", many))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # What was begun is finished by its thread; the next write comes after it.
    await memory.store("anna", [fact("coffee")])
    assert len(await everything(memory)) in {2, 302}
    await memory.aclose()


async def test_closing_while_others_read_ends_cleanly(path: Path) -> None:
    await kept(path, "tea")
    memory = open_memory(path)
    reading = [asyncio.create_task(memory.search("anna", Query(text="tea"))) for _ in range(20)]
    await asyncio.sleep(0)
    await memory.aclose()
    for result in await asyncio.gather(*reading, return_exceptions=True):
        assert isinstance(result, (list, MemoryStoreError))


def test_a_memory_goes_from_loop_to_loop(path: Path) -> None:
    memory: SqlMemory = open_memory(path)
    asyncio.run(_store(memory))
    assert asyncio.run(found(memory, "tea")) == ["tea"]
    asyncio.run(memory.aclose())


async def _store(memory: SqlMemory) -> None:
    await memory.store("anna", [fact("tea")])
