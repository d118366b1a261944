"""A database that is locked, read-only, damaged, or none of ours."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

import pytest

from checkpoints import DatabaseError, open_saver
from checkpoints.settings import SqlUserSettings, peek
from checkpoints.settings.schema import place_of
from tests.checkpoints.settings.preferences import opened

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A file with one value in it."""
    place = tmp_path / "place" / "s.db"
    with opened(str(place)) as service:
        service.update("anna", size=3)
    return str(place)


def read(path: str) -> object:
    return peek(path, "anna", busy_timeout_s=0.05)


def write(path: str) -> object:
    return SqlUserSettings(path, busy_timeout_s=0.05).write("anna", {"size": 4})


def test_reading_leaves_no_file_behind(path: str) -> None:
    assert read(path) == {"size": 3}
    assert [item.name for item in Path(path).parent.iterdir()] == ["s.db"]
    assert Path(path).stat().st_mode & 0o777 == 0o600


def test_reading_goes_on_while_another_writes(path: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE duograph_user_settings SET value = '9'")
        assert read(path) == {"size": 3}
        with pytest.raises(DatabaseError, match=r"s\.db is locked by another process: wait"):
            write(path)
        writer.execute("COMMIT")
    assert read(path) == {"size": 9}


@pytest.mark.parametrize("call", [read, write])
def test_a_file_that_is_held_exclusively_is_a_sentence(path: str, call: Callable[[str], object]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("PRAGMA journal_mode=DELETE")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseError, match=r"s\.db is locked by another process: wait"):
            call(path)
    assert read(path) == {"size": 3}


@pytest.mark.parametrize("call", [read, write])
def test_what_is_no_database_is_a_sentence_and_stays_as_it_is(
    tmp_path: Path, call: Callable[[str], object]
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary, " * 200)
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match=r"notes\.txt is not an SQLite database: choose another file"):
        call(str(path))
    assert path.read_bytes() == before


def test_a_damaged_file_is_a_sentence(path: str) -> None:
    with closing(sqlite3.connect(path)) as conn:
        page = conn.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(Path(path).read_bytes())
    content[page:] = b"\xff" * (len(content) - page)  # all but the first page
    Path(path).write_bytes(content)
    with pytest.raises(DatabaseError, match=r"s\.db is damaged: restore a copy"):
        read(path)


def test_a_value_that_is_no_json_is_a_sentence(path: str) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("UPDATE duograph_user_settings SET value = '[1,'")
        conn.commit()
    with pytest.raises(DatabaseError, match=r"of 'anna' in .* is damaged: .* unset --all --user anna"):
        read(path)


def test_a_folder_in_the_place_of_the_file_keeps_nothing_and_takes_nothing(tmp_path: Path) -> None:
    assert read(str(tmp_path)) == {}
    with pytest.raises(DatabaseError, match="is a folder: give the path of a file"):
        write(str(tmp_path))


def test_memory_keeps_nothing() -> None:
    assert read(":memory:") == {}
    with pytest.raises(DatabaseError, match="in memory keeps no user settings"):
        write(":memory:")


def test_a_file_with_sessions_only_has_no_settings(tmp_path: Path) -> None:
    path = str(tmp_path / "s.db")
    with open_saver(path):
        assert read(path) == {}
    assert SqlUserSettings(path).rows("anna") == []


UNPRIVILEGED = """
    import os, sys
    from checkpoints import DatabaseError
    from checkpoints.settings import SqlUserSettings, peek
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    print(peek(sys.argv[1], "anna"))
    print([row.value for row in SqlUserSettings(sys.argv[1]).rows("anna")])
    try:
        SqlUserSettings(sys.argv[1]).write("anna", {"size": 4})
    except DatabaseError as error:
        print(error)
"""


def test_what_may_only_be_read_is_read_and_not_written() -> None:
    # Not in pytest's folders, into which a child that gives up its rights may not look.
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        place = Path(folder) / "place"
        path = place / "s.db"
        with opened(str(path)) as service:
            service.update("anna", size=3)
        path.chmod(0o444)
        place.chmod(0o555)
        command = [sys.executable, "-c", dedent(UNPRIVILEGED), str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        place.chmod(0o755)
        assert [item.name for item in place.iterdir()] == ["s.db"]
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.splitlines()
    assert (first, second) == ("{'size': 3}", "[3]")
    assert "s.db may not be written: make the file and its folder writable" in third


def test_a_server_of_another_kind_is_refused_without_its_password() -> None:
    with pytest.raises(DatabaseError, match="mysql://") as error:
        peek("mysql://me:secret@host/db", "anna")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:canary@127.0.0.1:1/db",
        "postgres://me:canary@127.0.0.1:1/db?sslmode=disable",
        "postgresql:///db?host=127.0.0.1&port=1&user=me&password=canary",
    ],
)
def test_a_server_that_is_away_is_a_sentence_without_its_password(address: str) -> None:
    store = SqlUserSettings(address)
    for call in (lambda: peek(address, "anna"), lambda: store.rows("anna"), lambda: store.write("anna", {})):
        with pytest.raises(DatabaseError, match=r"cannot be reached .*start the server") as error:
            call()
        assert "canary" not in str(error.value)
        assert "\n" not in str(error.value)
    assert "canary" not in place_of(address)
