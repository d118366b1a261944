"""Looking at the session file, which stays as it was."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from checkpoints import DatabaseError, open_saver
from checkpoints.health import inspect_database


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deeper" / "sessions.sqlite"
    health = inspect_database(path)
    assert (health.path, health.exists, health.is_writable) == (path, False, True)
    assert health.free_bytes > 0
    assert list(tmp_path.iterdir()) == []


def test_a_used_file_is_writable_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite"
    with open_saver(path, allowed_types=()):
        pass
    before = path.read_bytes()
    health = inspect_database(path)
    assert (health.exists, health.is_writable, health.journal_mode) == (True, True, "wal")
    assert health.size_bytes == len(before)
    assert path.read_bytes() == before


def test_memory_has_no_file() -> None:
    assert inspect_database(":memory:").path is None


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_seen(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert inspect_database(tmp_path / "sessions.sqlite").is_writable is False
    tmp_path.chmod(0o700)


def test_a_file_where_a_folder_belongs_is_seen(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert inspect_database(tmp_path / "file" / "sessions.sqlite").is_writable is False


def test_another_programs_file_a_broken_one_and_a_folder_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.sqlite"
    text.write_text("no database\n" * 200)
    with pytest.raises(DatabaseError, match="not an SQLite database"):
        inspect_database(text)
    strange = tmp_path / "strange.sqlite"
    with closing(sqlite3.connect(strange)) as conn:
        conn.execute("CREATE TABLE checkpoints (mine TEXT)")
    with pytest.raises(DatabaseError, match="of another program"):
        inspect_database(strange)
    with pytest.raises(DatabaseError, match="postgresql://"):
        inspect_database("postgresql://user:secret@host/db")
    with pytest.raises(DatabaseError):
        inspect_database(tmp_path)


def test_a_lock_of_another_process_is_said(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite"
    with open_saver(path, allowed_types=()):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseError, match="locked by another process"):
            inspect_database(path, busy_timeout_s=0.0)
