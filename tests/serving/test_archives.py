"""`duograph memory ingest|archives` as processes."""

import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from serving.archives import Wanted
from tests.memory.archives.pdfs import pdf
from tests.processes import wait_for
from tests.providers.servers.embeddings import serve_embeddings
from tests.serving.commandline import CommandLine, finish


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / "old").mkdir(parents=True)
    (folder / "tea.md").write_text("# Tea\n\nGreen tea wants 80 degrees.\n", encoding="utf-8")
    (folder / "old" / "report.pdf").write_bytes(pdf(["Sales were good."]))
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\0\0")
    return folder


def test_a_folder_becomes_an_archive_and_again_only_what_changed_is_written(
    cli: CommandLine, notes: Path
) -> None:
    dry = cli.run("memory", "ingest", "notes", "--dry-run")
    assert (dry.code, dry.out) == (0, "archive notes: would be 2 added, 1 skipped; 2 chunks\n")
    assert not (cli.folder / "home" / "sessions.sqlite").exists()
    first = cli.run("memory", "ingest", "notes")
    assert first.code == 0, first.err
    assert first.out == "archive notes: 2 added, 1 skipped; 2 chunks\n"
    assert first.err == "duograph: photo.jpg is binary\n"
    assert (cli.folder / "home" / "sessions.sqlite").stat().st_mode & 0o777 == 0o600
    (notes / "tea.md").write_text("# Tea\n\nBlack tea wants 100 degrees.\n", encoding="utf-8")
    (notes / "old" / "report.pdf").unlink()
    again = cli.run("memory", "ingest", "notes", "--json")
    assert again.json == {
        "archive": "notes",
        "root": str(notes),
        "added": 0,
        "changed": 1,
        "unchanged": 0,
        "removed": 1,
        "skipped": 1,
        "chunks": 1,
        "left_out": [{"path": "photo.jpg", "reason": "is binary"}],
        "notes": [],
        "is_dry_run": False,
        "vectors": 0,
        "problem": "",
    }
    assert cli.run("memory", "archives").out == "notes\t1 chunk\n"
    assert cli.run("memory", "archives", "--json").json == [{"archive": "notes", "chunks": 1}]
    assert cli.run("memory", "archives", "--json", "--user", "ada").json == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ingest", "nowhere"), "nowhere cannot be read: No such file or directory."),
        (("ingest", ""), "The path is empty: give a folder or a file."),
        (("ingest", "/nowhere"), "/nowhere cannot be read: No such file or directory."),
        (("ingest", "notes", "--archive", "a\nb"), "cannot be used: give 1 to 64 characters on one line."),
        (("ingest", "notes", "--max-file-mb", "0"), "'0' is not a number above 0 and at most 1000"),
        (("ingest", "notes", "--max-file-mb", "nan"), "'nan' is not a number above 0"),
        (("ingest", "notes", "--user", " a"), "The setting user is ' a', which is wrong"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    cli: CommandLine, notes: Path, words: tuple[str, ...], message: str
) -> None:
    assert notes.is_dir()
    done = cli.run("memory", *words)
    assert done.code == 2
    assert message in done.err
    assert not done.out


def test_without_memory_nothing_is_ingested(cli: CommandLine, notes: Path) -> None:
    off = cli.run("memory", "ingest", str(notes), env={"DUOGRAPH_MEMORY": "0"})
    assert off.code == 2
    assert "There is no memory: it is switched off" in off.err
    locked = cli.run("memory", "archives", "--json", env={"DUOGRAPH_ENCRYPTION_KEY": "correct horse"})
    assert locked.code == 2
    assert locked.json["error"]["type"] == "InputError"


def test_another_folder_takes_an_archive_over_only_when_told_to(cli: CommandLine, notes: Path) -> None:
    assert cli.run("memory", "ingest", str(notes)).code == 0
    other = cli.folder / "other" / "notes"
    other.mkdir(parents=True)
    (other / "a.txt").write_text("Something else.", encoding="utf-8")
    refused = cli.run("memory", "ingest", str(other))
    assert refused.code == 2
    assert "The archive 'notes' was made from another folder" in refused.err
    assert "1 added, 2 removed" in cli.run("memory", "ingest", str(other), "--replace").out


def test_vectors_are_made_where_a_model_is_configured_and_their_failure_fails_nothing(
    cli: CommandLine, notes: Path
) -> None:
    with serve_embeddings() as server:
        chain = {"DUOGRAPH_EMBEDDING_MODEL": f"openai:e@{server.url}/v1", "DUOGRAPH_MODEL_TRIES": "1"}
        server.plays.append(401)
        failed = cli.run("memory", "ingest", str(notes), env=chain)
        assert failed.code == 0
        assert "duograph: Some records have no vector yet: " in failed.err
        assert "2 added" in failed.out
        done = cli.run("memory", "ingest", str(notes), env=chain)
        assert done.out == "archive notes: 2 unchanged, 1 skipped; 0 chunks, 2 vectors\n"
        silent = cli.run("memory", "ingest", str(notes), env=chain | {"DUOGRAPH_MEMORY_VECTORS": "0"})
        assert silent.out == "archive notes: 2 unchanged, 1 skipped; 0 chunks\n"
        assert len(server.seen) == 2
    assert "2 vectors" in cli.run("memory", "ingest", str(notes), env={"DUOGRAPH_MEMORY_VECTORS": "1"}).out


def test_after_a_ctrl_c_the_same_command_goes_on(cli: CommandLine) -> None:
    folder = cli.folder / "many"
    folder.mkdir()
    for number in range(400):
        (folder / f"{number:03}.txt").write_text(f"File {number}. " * 300, encoding="utf-8")
    process = cli.start("memory", "ingest", "many")
    files = (cli.folder / "home" / f"sessions.sqlite{ending}" for ending in ("", "-wal"))
    store = list(files)
    wait_for(lambda: sum(path.stat().st_size for path in store if path.exists()) > 600_000, "some files")
    process.send_signal(signal.SIGINT)
    stopped = finish(process)
    assert stopped.code == 130
    assert "run the same command again, it goes on" in stopped.err
    done = cli.run("memory", "ingest", "many", "--json").json
    assert done["added"] + done["unchanged"] == 400
    assert done["added"] > 0
    assert done["unchanged"] > 0
    assert done["changed"] == 0


def test_a_terminal_shows_a_bar_and_no_name_of_a_file_steers_it(cli: CommandLine, notes: Path) -> None:
    (notes / "x\x1b]0;owned\x07.txt").write_text("text", encoding="utf-8")
    controller, terminal = pty.openpty()
    process = cli.start("memory", "ingest", "notes", stdin=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(controller, 65536):
            shown += part
    except OSError:
        """The other end is closed: all was read."""
    done = finish(process)
    os.close(controller)
    assert done.code == 0
    assert b"3/3" in shown
    assert b"\x1b]0;" not in shown
    assert b"has a name that no answer could cite" in shown


def test_help_names_every_option(cli: CommandLine) -> None:
    text = cli.run("memory", "ingest", "--help").out
    for option in ("--archive", "--user", "--max-file-mb", "--replace", "--dry-run", "--json"):
        assert option in text
    assert json.dumps(Wanted("x").max_file_mb) in text
