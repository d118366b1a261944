"""Opening: where the file lies, who may read it, and every way in which it can be unusable."""

import os
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata, empty_checkpoint

from checkpoints import DatabaseError, SessionSaver, open_saver
from checkpoints.health import inspect_database

THREAD: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
Spawn = Callable[..., "subprocess.Popen[str]"]

METADATA: CheckpointMetadata = {"source": "input", "step": -1, "parents": {}}


def put(saver: SessionSaver, size: int = 1) -> None:
    saver.put(THREAD, {**empty_checkpoint(), "channel_values": {"text": "x" * size}}, METADATA, {})


def refusal(target: str | Path, *, busy_timeout_s: float = 0.2) -> str:
    with (
        pytest.raises(DatabaseError) as caught,
        open_saver(target, busy_timeout_s=busy_timeout_s),
    ):
        pass
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_new_folders_and_files_are_the_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "s.db"
    with open_saver(str(path)) as saver:
        put(saver)
        modes = [mode(item) for item in (path, path.with_name("s.db-wal"), path.with_name("s.db-shm"))]
    assert modes == [0o600] * 3
    assert [mode(path.parent), mode(path.parent.parent)] == [0o700] * 2


def test_the_mode_of_a_file_that_exists_stays(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.touch()
    path.chmod(0o640)
    with open_saver(path):
        assert mode(path) == 0o640


def test_a_tilde_means_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with open_saver("~/s.db"):
        assert (tmp_path / "s.db").exists()


def test_nothing_is_touched_before_the_context_is_entered(tmp_path: Path) -> None:
    open_saver(tmp_path / "new" / "s.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["mysql", "postgresql+psycopg", "redis"])
def test_a_server_is_refused_without_showing_its_password(scheme: str) -> None:
    text = refusal(f"{scheme}://user:secret@host/db")
    assert f"{scheme}:// is not supported: give the path" in text
    assert "secret" not in text


@pytest.mark.parametrize("target", ["", " ", "a\0b"])
def test_a_name_that_names_no_file_is_refused(target: str) -> None:
    assert "names no file" in refusal(target)


async def test_the_async_context_raises_the_same_error(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="is a folder"):
        async with open_saver(tmp_path):
            pass


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert f"{tmp_path} is a folder: give the path of a file" in refusal(tmp_path)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not a regular file" in refusal(tmp_path / "pipe")


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    text = refusal(tmp_path / "file" / "s.db")
    assert f"{tmp_path / 'file' / 's.db'} cannot be opened" in text
    assert "choose another file" in text


@pytest.mark.parametrize("content", [b"not a database, but a text of some length " * 100, b"\0" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_was(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(content)
    assert f"{path} is not an SQLite database: choose another file" in refusal(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"x", b"\0", b"SQLite format 3\0", b"SQLite format 3\0" + b"\0" * 300])
def test_a_stump_of_a_database_is_refused_and_left_as_it_was(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(content)
    assert "is not an SQLite database" in refusal(path)
    with pytest.raises(DatabaseError, match="is not an SQLite database"):
        inspect_database(path)
    with pytest.raises(DatabaseError, match="is not an SQLite database"), open_saver(path, read_only=True):
        pytest.fail("opened")
    assert path.read_bytes() == content
    path.write_bytes(b"")
    with open_saver(path):  # an empty file is one that is not yet used
        pass


def test_a_database_of_another_program_with_our_table_names_is_refused_and_left_as_it_was(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE checkpoints (id INTEGER, thread_id TEXT)")
    before = path.read_bytes()
    text = refusal(path)
    assert "`checkpoints`" in text
    assert "another program or a newer version" in text
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_newer_schema_is_refused_and_its_version_named(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with open_saver(path) as saver:
        put(saver)
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("UPDATE duograph_meta SET value = 99 WHERE name = 'version'")
    assert "has the schema version 99, and this Duograph knows 1: update Duograph" in refusal(path)


def test_a_database_with_other_tables_is_shared_and_they_stay(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("CREATE TABLE notes (text)")
        conn.execute("INSERT INTO notes VALUES ('kept')")
    with open_saver(path) as saver:
        put(saver)
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("SELECT text FROM notes").fetchall() == [("kept",)]


LOCKER = """
    import sqlite3, sys
    conn = sqlite3.connect(sys.argv[1], isolation_level=None)
    conn.execute("PRAGMA locking_mode=" + sys.argv[2])
    conn.execute("BEGIN EXCLUSIVE")
    conn.execute("CREATE TABLE IF NOT EXISTS other (x)")
    print("locked", flush=True)
    sys.stdin.readline()
    conn.execute("COMMIT")
    conn.close()
    print("free", flush=True)
"""


@pytest.mark.parametrize("kind", ["NORMAL", "EXCLUSIVE"])
@pytest.mark.parametrize("existing", [True, False])
def test_a_lock_of_another_process_is_named_and_once_it_is_gone_the_file_opens(
    tmp_path: Path, child: Spawn, kind: str, *, existing: bool
) -> None:
    path = tmp_path / "s.db"
    if existing:
        with open_saver(path) as saver:
            put(saver)
    process = child(LOCKER, path, kind)
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"

    def use() -> None:
        with open_saver(path, busy_timeout_s=0.1) as saver:
            put(saver)

    with pytest.raises(DatabaseError, match=r"s\.db is locked by another process: wait for it or stop it"):
        use()
    process.communicate("go\n")
    use()
    with open_saver(path) as saver:
        assert len(list(saver.list(None))) == (2 if existing else 1)


def test_a_saver_waits_for_a_lock_that_ends_in_time(tmp_path: Path, child: Spawn) -> None:
    path = tmp_path / "s.db"
    process = child(LOCKER, path, "NORMAL")
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    with open_saver(path, busy_timeout_s=30) as saver:
        put(saver)


READER = """
    import os, sys
    from pathlib import Path
    from checkpoints import DatabaseError, open_saver
    path = Path(sys.argv[1])
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    try:
        with open_saver(path):
            print("opened")
    except DatabaseError as error:
        print(error)
"""


@pytest.mark.parametrize("name", ["s.db", "new/s.db", "theirs.db"])
def test_a_folder_that_may_not_be_written_is_named(open_folder: Path, child: Spawn, name: str) -> None:
    place = open_folder / "closed"
    place.mkdir()
    (place / "theirs.db").touch()
    (place / "theirs.db").chmod(0o444)
    place.chmod(0o555)
    text = child(READER, place / name).communicate()[0].strip()
    place.chmod(0o755)
    assert text.startswith(f"The session database {place / name}")
    assert "writable, or choose another file." in text
    assert [item.name for item in place.iterdir()] == ["theirs.db"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_saver_that_came_by_a_fork_says_so_and_harms_nothing(tmp_path: Path, child: Spawn) -> None:
    script = """
        import os, sys
        from langgraph.checkpoint.base import empty_checkpoint
        from checkpoints import DatabaseError, open_saver
        place = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        with open_saver(sys.argv[1]) as saver:
            saver.put(place, empty_checkpoint(), {"source": "input", "step": -1, "parents": {}}, {})
            pid = os.fork()
            if pid == 0:
                said = []
                for use in (lambda: saver.delete_thread("t"), lambda: saver.get_tuple(place)):
                    try:
                        use()
                    except DatabaseError as error:
                        said.append("forked: open it anew" in str(error))
                saver.close()
                os._exit(0 if said == [True, True] else 1)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            print(saver.get_tuple(place) is not None)
    """
    assert child(script, tmp_path / "s.db").communicate()[0] == "0\nTrue\n"


def test_closing_gives_the_space_of_what_was_deleted_back(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with open_saver(path) as saver:
        for name in ("large", "small"):
            filled = empty_checkpoint()
            filled["channel_values"], filled["channel_versions"] = {"x": name * 400_000}, {"x": 1}
            place: RunnableConfig = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}
            saver.put(place, filled, METADATA, {"x": 1})
    before = path.stat().st_size
    with open_saver(path) as saver:
        saver.delete_thread("large")
    assert path.stat().st_size < 0.7 * before
