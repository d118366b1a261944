"""`duograph memory …` as processes of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

import pytest

from memory.records import Kind
from serving.memory_command import KINDS

if TYPE_CHECKING:
    from tests.neo4j import Neo4jServer
    from tests.serving.commandline import CommandLine


@pytest.fixture(scope="module")
def told(shared_cli: CommandLine) -> CommandLine:
    """A command line whose user has told three facts, one of them anew."""
    for text in ("my birthday is July 24", "my birthday is July 25", "Ana is vegan"):
        assert shared_cli.run("memory", "add", text).code == 0
    return shared_cli


def test_the_choices_are_those_of_the_rooms() -> None:
    assert get_args(Kind) == KINDS


def test_what_was_told_is_listed_found_and_explained(told: CommandLine) -> None:
    listed = told.run("memory", "list").out.splitlines()
    assert [line.split("\t")[3] for line in listed] == ["my birthday is July 25", "Ana is vegan"]
    assert "(replaced) my birthday is July 24" in told.run("memory", "list", "--all").out
    [found] = told.run("memory", "search", "birthday", "--json").json
    assert (found["score"], found["record"]["subject"]) == (1.0, "my birthday")
    assert told.run("memory", "search", "birthday", "--kind", "episode").err.endswith("nothing was found.\n")
    why = told.run("memory", "why", found["id"][:8])
    assert why.out.splitlines()[:3] == [f"fact {found['id']}", "my birthday is July 25", "about\tmy birthday"]
    old = told.run("memory", "list", "--all", "--subject", "My Birthday", "--json").json[0]
    assert f"replaced by\t{found['id']}" in told.run("memory", "why", old["id"]).out


def test_the_status_says_where_and_how_much(told: CommandLine) -> None:
    status = told.run("memory", "status", "--json").json
    assert (status["backend"], status["is_available"]) == ("sqlite", True)
    assert status["counts"]["by_kind"]["fact"] == 2
    assert "2 facts, 1 replaced" in told.run("memory", "status").out
    off = told.run("memory", "status", env={"DUOGRAPH_MEMORY": "false"})
    assert (off.code, off.out.splitlines()[0]) == (0, "memory\toff")
    assert "switched off" in told.run("memory", "list", env={"DUOGRAPH_MEMORY": "false"}).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("forget",), "give IDs or options"),
        (("forget", "--all", "--kind", "fact"), "give IDs or options"),
        (("forget", "12345"), "'12345' is no id"),
        (("forget", "0123456789", "--yes"), "No record that fits begins with '0123456789'"),
        (("forget", "--older-than", "soon"), "--older-than is 'soon'"),
        (("forget", "--all"), "Nobody is here to ask"),
        (("why", "ffffffff"), "No record begins with 'ffffffff'"),
        (("add", ""), "The fact is empty: say what to remember"),
        (("add", "x" * 20_001), "20,001 characters"),
        (("add", "a \udcff b"), "The fact is not valid UTF-8"),
        (("add", "tea", "--subject", "\udcff"), "--subject is not valid UTF-8"),
        (("list", "--session", "\udcff"), "--session is not valid UTF-8"),
        (("search", "tea", "--archive", "\udcff"), "--archive is not valid UTF-8"),
        (("search", "tea", "--min-score", "nan"), "'nan' is not a number from 0 to 1"),
        (("import", "nowhere.jsonl"), "nowhere.jsonl cannot be read"),
        (("export", "--force"), "--force goes with --out"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    told: CommandLine, words: tuple[str, ...], said: str
) -> None:
    done = told.run("memory", *words)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert len(told.run("memory", "list", "--all", "--json").json) == 3


def test_what_is_forgotten_is_shown_first_and_is_gone(cli: CommandLine) -> None:
    for text in ("my birthday is July 24", "my birthday is July 25", "Ana is vegan"):
        cli.run("memory", "add", text)
    dry = cli.run("memory", "forget", "--subject", "my birthday", "--dry-run")
    assert (dry.out.count("\n"), "2 records would be forgotten" in dry.err) == (2, True)
    assert cli.run("memory", "forget", "--older-than", "1h", "--yes").out == "forgotten: 0 records\n"
    assert cli.run("memory", "forget", "--subject", "my birthday", "--yes").out == "forgotten: 2 records\n"
    [left] = cli.run("memory", "list", "--all", "--json").json
    assert cli.run("memory", "forget", left["id"][:8], "--yes", "--json").json == {"forgotten": [left["id"]]}
    assert cli.run("memory", "list").err.endswith("nothing like that is remembered.\n")


def test_memory_goes_through_a_file_to_another_user(cli: CommandLine) -> None:
    cli.run("memory", "add", "-", stdin="my birthday is July 25\n")
    assert cli.run("memory", "export", "--out", "memory.jsonl").code == 0
    assert "memory.jsonl exists: use --force" in cli.run("memory", "export", "--out", "memory.jsonl").err
    assert cli.run("memory", "import", "memory.jsonl", "--user", "ana").out == "1 record, 1 of them new\n"
    piped = cli.run("memory", "export").out
    assert cli.run("memory", "import", "-", "--user", "ana", "--json", stdin=piped).json == {
        "items": 1,
        "new": 0,
    }
    mine = cli.run("memory", "list", "--json").json
    assert cli.run("memory", "list", "--user", "ana", "--json").json == mine
    assert [json.loads(line).get("format") for line in piped.splitlines()] == [
        "duograph-memory",
        None,
        "duograph-memory",
    ]


def test_a_file_that_was_cut_off_is_not_imported_unless_one_says_so(cli: CommandLine) -> None:
    cli.run("memory", "add", "-", stdin="tea\u2028and\x85coffee")
    cli.run("memory", "add", "Ana is vegan")
    header, first, second, end = cli.run("memory", "export").out.removesuffix("\n").split("\n")
    cut = cli.run("memory", "import", "-", "--user", "ana", stdin=f"{header}\n{first}\n")
    assert (cut.code, "lacks the last line" in cut.err, cut.err.count("\n")) == (2, True, 1)
    assert cli.run("memory", "list", "--user", "ana", "--json").json == []
    part = cli.run("memory", "import", "-", "--user", "ana", "--unchecked", stdin=f"{header}\n{first}\n")
    assert part.out == "1 record, 1 of them new\n"
    whole = f"{header}\n{first}\n{second}\n{end}"
    assert cli.run("memory", "import", "-", "--user", "ana", stdin=whole).out == "2 records, 1 of them new\n"


def test_a_talk_remembers_across_sessions(cli: CommandLine) -> None:
    assert (
        cli.run("ask", "remember that my birthday is July 25").out == "Remembered: «my birthday is July 25»\n"
    )
    asked = cli.run("ask", "when is my birthday?", "--json").json
    assert asked["task"] == "knowledge_retrieve"
    assert "my birthday is July 25" in asked["answer"]
    assert [one["kind"] for one in asked["recalled"]] == ["fact"]
    failed = cli.run("ask", "remember that my cat is Tom", env={"DUOGRAPH_MEMORY": "false"})
    assert failed.code == 5
    assert "switched off" in failed.out


@pytest.mark.slow
def test_memory_goes_to_neo4j_and_back(cli: CommandLine, neo4j: Neo4jServer) -> None:
    neo4j.empty()
    there = {"DUOGRAPH_NEO4J_URI": neo4j.uri, "DUOGRAPH_NEO4J_PASSWORD": neo4j.password}
    for text in ("my birthday is July 24", "my birthday is July 25", "Ana is vegan"):
        cli.run("memory", "add", text)
    mine = cli.run("memory", "export").out
    assert cli.run("memory", "import", "-", stdin=mine, env=there).out == "3 records, 3 of them new\n"
    theirs = cli.run("memory", "export", env=there).out
    assert theirs == mine
    other = {"DUOGRAPH_DATABASE": str(cli.folder / "other.sqlite")}
    assert cli.run("memory", "import", "-", stdin=theirs, env=other).out == "3 records, 3 of them new\n"
    assert cli.run("memory", "export", env=other).out == mine
