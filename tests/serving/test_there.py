"""Commands that look at what was kept make nothing: neither at a mistyped place nor before the first turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.commandline import CommandLine

LISTS = (
    ("sessions", "list"),
    ("sessions", "stats"),
    ("memory", "list"),
    ("memory", "status"),
    ("memory", "export"),
    ("memory", "archives"),
    ("memory", "forget", "--all", "--yes"),
    ("jobs", "list"),
)
OF_ONE = (
    ("sessions", "show", "talk"),
    ("sessions", "fork", "talk"),
    ("sessions", "delete", "talk", "--yes"),
    ("memory", "forget", "0123abcd", "--yes"),
    ("jobs", "drop", "0123"),
)


def made(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("words", [*LISTS, *OF_ONE], ids=" ".join)
def test_a_place_without_a_database_is_said_and_left_alone(cli: CommandLine, words: tuple[str, ...]) -> None:
    done = cli.run(*words, env={"DUOGRAPH_HOME": str(cli.folder / "hom")})
    assert done.code == (2 if words in OF_ONE else 0)
    place = cli.folder / "hom" / "sessions.sqlite"
    assert f"there is no database at {place} yet; if you meant another place" in done.err
    assert "the setting home (DUOGRAPH_HOME" in done.err
    if words in LISTS:
        assert len(done.err.splitlines()) == 1
    assert made(cli.folder) == []


@pytest.mark.parametrize("home", ["hom", ""])
def test_a_file_that_is_not_there_has_no_size(cli: CommandLine, home: str) -> None:
    env = {"DUOGRAPH_HOME": home, "XDG_DATA_HOME": str(cli.folder / "data"), "HOME": str(cli.folder)}
    assert "size" not in cli.run("sessions", "stats", env=env).out
    found = cli.run("sessions", "stats", "--json", env=env).json
    assert (found["sessions"], found["used_bytes"], found["free_bytes"]) == (0, 0, None)


@pytest.mark.parametrize("words", [("sessions", "list"), ("memory", "list"), ("jobs", "list")], ids=" ".join)
def test_machines_get_an_empty_list(cli: CommandLine, words: tuple[str, ...]) -> None:
    done = cli.run(*words, "--json", env={"DUOGRAPH_HOME": str(cli.folder / "new")})
    assert (done.code, done.json) == (0, [])


def test_before_the_first_turn_there_is_nothing_to_list(cli: CommandLine) -> None:
    env = {"DUOGRAPH_HOME": "", "XDG_DATA_HOME": str(cli.folder / "data"), "HOME": str(cli.folder)}
    assert cli.run("sessions", "list", "--json", env=env).json == []
    assert cli.run("memory", "list", "--json", env=env).json == []
    assert cli.run("jobs", "list", "--json", env=env).json == []
    unknown = cli.run("sessions", "show", "talk", env=env)
    assert (unknown.code, "No session has the id 'talk'" in unknown.err) == (2, True)
    assert made(cli.folder) == []
