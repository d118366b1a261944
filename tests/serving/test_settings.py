"""`duograph settings` as a process, and the commands that heed what was set."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import duograph
from duograph import Settings, UserSettings
from graph.user_settings import is_secret
from tests.serving.commandline import CommandLine, Done
from tests.support import ASK, BAD, GOOD, PLAN

Run = Callable[..., Done]
REPAIRS = "write a whole number from 0 to 10.\n"


def file_of(cli: CommandLine) -> Path:
    return cli.folder / "home" / "sessions.sqlite"


def test_a_setting_is_set_shown_and_taken_back(cli: CommandLine) -> None:
    done = cli.run("settings", "set", "max_repairs", "4")
    assert (done.code, done.out) == (0, "")
    assert done.err == "duograph: max_repairs is 4 from now on, for the user 'default'.\n"
    assert cli.run("settings", "list").out == "max_repairs\t4\n"
    assert cli.run("settings", "get", "max_repairs").out == "4\n"
    done = cli.run("settings", "unset", "max_repairs")
    assert (done.code, done.err) == (0, "duograph: max_repairs taken back, for the user 'default'.\n")
    assert cli.run("settings", "get", "max_repairs").out == "2\n"
    done = cli.run("settings", "list")
    assert (done.code, done.out) == (0, "")
    assert "has set nothing" in done.err


def test_json_is_for_programs(cli: CommandLine) -> None:
    done = cli.run("settings", "set", "archives", "work,private", "--user", "anna", "--json")
    assert done.json == {"user": "anna", "name": "archives", "value": ["work", "private"]}
    (row,) = cli.run("settings", "list", "--json", "--user", "anna").json
    assert (row["name"], row["value"]) == ("archives", ["work", "private"])
    assert row["updated_at"].endswith("+00:00")
    assert cli.run("settings", "list", "--json").json == []
    done = cli.run("settings", "get", "archives", "--json", env={"DUOGRAPH_USER": "anna"})
    assert done.json == {
        "name": "archives",
        "value": ["work", "private"],
        "source": "user settings",
        "place": "of 'anna'",
    }
    done = cli.run("settings", "unset", "--all", "--json", "--user", "anna")
    assert done.json == {"user": "anna", "unset": ["archives"]}


def test_explain_names_the_source_of_every_setting(cli: CommandLine) -> None:
    (cli.folder / "duograph.toml").write_text("model_tries = 3\nmax_repairs = 9\n")
    cli.run("settings", "set", "prefer", "local")
    cli.run("settings", "set", "max_repairs", "4")
    env = {"DUOGRAPH_MAX_REPAIRS": "5", "DUOGRAPH_VERIFY_TYPES": "yes", "OPENAI_API_KEY": "sk-canary"}
    done = cli.run("settings", "list", "--explain", "--turn-timeout", "60", env=env)
    assert done.code == 0
    order, installed = done.err.splitlines()
    assert order == "duograph: argument > context > user settings > environment > file > default"
    assert "routing, routing_minilm" in installed
    rows = dict(line.split("\t", 1) for line in done.out.splitlines())
    assert rows["turn_timeout_s"] == "60.0\targument"
    assert rows["max_repairs"] == "4\tuser settings of 'default'"
    assert rows["prefer"] == "local\tuser settings of 'default'"
    assert rows["verify_types"] == "true\tenvironment DUOGRAPH_VERIFY_TYPES"
    assert rows["openai_api_key"] == "[hidden]\tenvironment OPENAI_API_KEY"
    assert rows["model_tries"] == "3\tfile duograph.toml"
    assert rows["coding_model"] == "offline\tdefault"
    assert rows["database"] == f"{file_of(cli)}\tdefault"
    listed = cli.run("settings", "list", "--explain", "--json", env=env).json
    assert {row["name"] for row in listed} == set(rows)
    assert set(installed.rpartition(": ")[2].split(", ")) == set(rows) - set(UserSettings.model_fields)
    assert "canary" not in done.out + str(listed)


def test_the_page_names_every_setting_that_is_no_users() -> None:
    page = Path(duograph.__file__).with_name("docs").joinpath("configuration.md").read_text(encoding="utf-8")
    told = page.partition("belongs to the installation cannot")[2].partition("shows none of them")[0]
    others = set(Settings.model_fields) - set(UserSettings.model_fields)
    secrets = {name for name in others if is_secret(name)}
    assert set(re.findall(r"`(\w+)`", told)) == others - secrets


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("set", "max_repairs", "99"), f"The setting max_repairs is '99', which is wrong: {REPAIRS}"),
        (("set", "max_repairs", "-1"), f"The setting max_repairs is '-1', which is wrong: {REPAIRS}"),
        (("set", "max_repairs", "many"), f"The setting max_repairs is 'many', which is wrong: {REPAIRS}"),
        (
            ("set", "prefer", "--near"),
            "The setting prefer is '--near', which is wrong: choose one of chain, ",
        ),
        (("set", "memory", "perhaps"), "The setting memory is 'perhaps', which is wrong: write yes or no "),
        (("list", "--explain", "--max-repairs", "x"), f"--max-repairs is 'x', which is wrong: {REPAIRS}"),
        (("set", "max_repair", "1"), "There is no user setting 'max_repair': did you mean 'max_repairs'?"),
        (("set", "openai_api_key", "sk-canary"), "The setting openai_api_key is a secret, "),
        (("set", "sandbox", "none"), "The setting sandbox belongs to the installation and not to a user: "),
        (("set", "coding_model", "opneai:x"), "The setting coding_model is wrong: Unknown provider 'opneai'"),
        (("get", "max_repair"), "There is no setting 'max_repair': did you mean 'max_repairs'?"),
        (("unset", "max_repair"), "There is no user setting 'max_repair': did you mean 'max_repairs'?"),
        (("unset",), "give the names of settings, or --all; see "),
        (("unset", "prefer", "--all"), "give the names of settings, or --all; see "),
        (("list", "--user", " "), "The setting user is ' ', which is wrong: "),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(
    cli: CommandLine, words: tuple[str, ...], sentence: str
) -> None:
    done = cli.run("settings", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"duograph: {sentence}")
    assert len(done.err.splitlines()) == 1
    assert "canary" not in done.err
    assert not file_of(cli).exists()


def test_an_error_is_json_too(cli: CommandLine) -> None:
    done = cli.run("settings", "set", "max_repairs", "99", "--json")
    assert done.code == 2
    assert done.json["error"]["type"] == "UserSettingsError"


def models(cli: CommandLine) -> None:
    """Keep scripted models as what the user prefers."""
    for name, value in cli.models([{"content": PLAN}] * 3, [{"content": BAD}, {"content": GOOD}]).items():
        assert cli.run("settings", "set", name.removeprefix("DUOGRAPH_").lower(), value).code == 0


def test_ask_heeds_what_the_user_set_and_an_option_outranks_it(cli: CommandLine) -> None:
    models(cli)
    assert cli.run("settings", "set", "max_repairs", "0").code == 0
    done = cli.run("ask", ASK, "--json")
    assert "no model is configured" not in done.err
    assert (done.code, done.json["status"]) == (4, "not_verified")
    assert cli.run("ask", ASK, "--json", "--max-repairs", "1").json["status"] == "done"
    # Of another user nothing is known.
    assert "no model is configured" in cli.run("ask", "hello", "--user", "ben").err
    assert "no model is configured" in cli.run("ask", "hello", env={"DUOGRAPH_USER_SETTINGS": "0"}).err


def test_chat_and_bounds_heed_it(cli: CommandLine) -> None:
    cli.run("settings", "set", "max_model_calls", "1")
    models(cli)
    assert cli.run("bounds", "--json").json["model_calls"] == 1
    assert cli.run("bounds", "--json", "--max-model-calls", "3").json["model_calls"] == 3
    assert cli.run("chat", stdin=f"{ASK}\n").code == 3


def test_doctor_says_whose_settings_are_in_force(cli: CommandLine) -> None:
    cli.run("settings", "set", "model_tries", "3")
    done = cli.run("doctor", "--json")
    (found,) = (check for check in done.json["checks"] if check["name"] == "settings")
    assert found["status"] == "ok"
    assert "of these by the user 'default': model_tries" in found["detail"]


def test_a_value_that_became_wrong_stops_a_turn_and_can_be_taken_back(cli: CommandLine) -> None:
    cli.run("settings", "set", "max_repairs", "4")
    with closing(sqlite3.connect(file_of(cli))) as conn:
        conn.execute("UPDATE duograph_user_settings SET value = '99'")
        conn.commit()
    done = cli.run("ask", "hello")
    assert (done.code, done.out) == (2, "")
    assert "duograph settings unset max_repairs --user default" in done.err
    assert cli.run("settings", "list").out == "max_repairs\t99\n"
    assert cli.run("settings", "unset", "max_repairs", "--user", "default").code == 0
    assert cli.run("ask", "hello").code == 0


def test_a_broken_database_is_a_sentence_for_ask_and_a_finding_for_doctor(cli: CommandLine) -> None:
    file_of(cli).parent.mkdir()
    file_of(cli).write_text("Dear diary, " * 200)
    for words in (
        ("ask", "hello"),
        ("bounds",),
        ("settings", "list"),
        ("settings", "set", "prefer", "local"),
    ):
        done = cli.run(*words)
        assert (done.code, done.out) == (2, "")
        assert "sessions.sqlite is not an SQLite database: choose another file" in done.err
        assert len(done.err.splitlines()) == 1
    done = cli.run("doctor", "--json")
    checks = {check["name"]: check for check in done.json["checks"]}
    assert done.code == 7
    assert (checks["settings"]["status"], checks["database"]["status"]) == ("fail", "fail")
    assert "DUOGRAPH_USER_SETTINGS=0" in checks["settings"]["advice"]
    assert checks["sandbox"]["status"] == "ok"


def test_what_is_left_of_a_database_holds_no_settings(cli: CommandLine) -> None:
    (cli.folder / "left.db").write_bytes(b"x")
    for words in (("list",), ("get", "max_repairs"), ("set", "max_repairs", "1")):
        done = cli.run("settings", *words, env={"DUOGRAPH_DATABASE": "left.db"})
        assert (done.code, "is not an SQLite database" in done.err) == (2, True)
    assert (cli.folder / "left.db").read_bytes() == b"x"


def test_a_table_of_an_older_revision_is_brought_up_by_the_next_turn(cli: CommandLine) -> None:
    from checkpoints.settings import SqlUserSettings  # noqa: PLC0415  # SQLAlchemy, for this test only

    cli.run("settings", "set", "max_model_calls", "1")
    SqlUserSettings(str(file_of(cli))).migrate("0001")
    assert cli.run("bounds", "--json").json["model_calls"] == 1
    assert cli.run("settings", "list").out == "max_model_calls\t1\n"
