"""A full disk: said in one sentence, what is there stays readable, and room can be made."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from checkpoints import DatabaseError, Sessions, open_saver
from checkpoints.sqlite.ledger import Ledger
from checkpoints.sqlite.saver import SqliteSessionSaver
from checkpoints.sqlite.writes import Call
from graph.saver import open_sessions
from graph.settings import Settings
from tests.checkpoints.test_history import Counted
from tests.checkpoints.test_opening import THREAD, put


def test_a_database_that_may_not_grow_says_the_disk_is_full_and_keeps_what_it_has(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db") as saver:
        put(saver)

        def allow(more: int) -> Call:
            def limit(ledger: Ledger) -> None:
                pages = ledger.conn.execute("PRAGMA page_count").fetchone()[0] + more
                ledger.conn.execute(f"PRAGMA max_page_count={pages}").fetchall()

            return Call(limit)

        assert isinstance(saver, SqliteSessionSaver)
        saver.writer.run(allow(0))
        with pytest.raises(DatabaseError, match=r"s\.db could not grow, the disk is full: free some space"):
            put(saver, 100_000)
        assert len(list(saver.list(None))) == 1
        saver.writer.run(allow(1000))
        put(saver, 100_000)
        assert len(list(saver.list(None))) == 2


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or umount is None:
        pytest.skip("mounting a tiny file system needs root")
    place = tmp_path / "disk"
    place.mkdir()
    command = [mount, "-t", "tmpfs", "-o", "size=768k", "tmpfs", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    yield place
    subprocess.run([umount, str(place)], check=True)


def test_a_full_disk_is_named_and_what_was_stored_stays_readable(tiny_disk: Path) -> None:
    with open_saver(tiny_disk / "s.db") as saver:
        put(saver)
        with pytest.raises(DatabaseError, match=r"s\.db could not grow, the disk is full"):
            put(saver, 3_000_000)
        assert saver.get_tuple(THREAD) is not None
    with open_saver(tiny_disk / "s.db") as saver:
        assert saver.get_tuple(THREAD) is not None


@pytest.fixture
def full_disk(tiny_disk: Path) -> Path:
    """A disk with a few sessions on it and no byte more."""
    with open_saver(tiny_disk / "s.db") as saver:
        for name in ("one", "two", "three"):
            Counted(saver).ask(name, "hello")
    with (tiny_disk / "others").open("ab", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 512):
            pass
    return tiny_disk / "s.db"


def test_sessions_on_a_full_disk_can_be_read(full_disk: Path) -> None:
    for _ in range(2):
        with open_saver(full_disk, read_only=True) as saver:
            assert {line.thread_id for line in Sessions(saver).list()} == {"one", "two", "three"}
            assert len(Sessions(saver).show("one").messages) == 3
        with open_sessions(Settings(database=str(full_disk), user_settings=False), to_read=True) as saver:
            assert Sessions(saver).list()[0].turns == 1
        # What an attempt to write leaves behind keeps nobody from reading.
        with pytest.raises(DatabaseError, match=r"the disk is full: free some space"), open_saver(full_disk):
            pytest.fail("opened")


def test_a_few_free_bytes_are_enough_to_delete_and_prune(full_disk: Path) -> None:
    os.truncate(full_disk.with_name("others"), full_disk.with_name("others").stat().st_size - 2**18)
    with open_saver(full_disk) as saver:
        saver.delete_thread("one")
        saver.prune(["two"])
        Counted(saver).ask("two", "more")
        assert {line.thread_id for line in Sessions(saver).list()} == {"two", "three"}
