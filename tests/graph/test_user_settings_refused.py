"""User settings that are refused: wrong values, secrets, and what belongs to the installation."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from checkpoints import DatabaseError
from checkpoints.settings import SqlUserSettings, UserSettingsError
from graph.agent import Agent
from graph.settings import Settings, SettingsError
from graph.user_settings import open_user_settings


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def broken(name: str, value: object) -> Iterator[None]:
    store = SqlUserSettings(Settings(user_settings=False).database_path)
    store.write("default", {name: value})
    yield
    store.remove("default", [name])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("max_repairs", 99, ["The setting max_repairs is 99", "10", "settings unset max_repairs"]),
        ("max_repairs", True, ["The setting max_repairs is wrong", "give a number, not true or false"]),
        ("flavour", "mint", ["no user setting 'flavour'", "settings unset flavour"]),
        ("openai_api_key", "sk-canary", ["is a secret", "OPENAI_API_KEY", "settings unset openai_api_key"]),
    ],
)
def test_a_wrong_value_that_is_kept_is_a_sentence_with_the_way_out(
    name: str, value: object, words: list[str]
) -> None:
    with broken(name, value):
        with pytest.raises(SettingsError) as error:
            Settings()
        assert all(word in str(error.value) for word in words)
        assert "canary" not in str(error.value)
        assert Settings(user_settings=False).max_repairs == 2
    assert Settings().max_repairs == 2


def test_a_database_that_cannot_be_read_stops_the_start_rather_than_drop_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary, " * 200)
    with pytest.raises(DatabaseError, match="is not an SQLite database"):
        Settings(database=str(path))
    with pytest.raises(DatabaseError, match="is not an SQLite database"):
        Agent(Settings(database=str(path)))
    assert Settings(database=str(path), user_settings=False).max_repairs == 2


@pytest.mark.parametrize(
    "name", ["openai_api_key", "api_keys", "groq_api_key", "github_token", "db_password"]
)
def test_no_secret_is_kept(name: str) -> None:
    with open_user_settings() as service, pytest.raises(UserSettingsError) as error:
        service.update("default", {name: "sk-canary"})
    assert "secret" in str(error.value)
    assert "environment" in str(error.value)
    assert "canary" not in str(error.value)


def test_no_secret_hides_in_an_address() -> None:
    with open_user_settings() as service, pytest.raises(UserSettingsError, match="no user name") as error:
        service.update("default", coding_model="openai:m@https://me:canary@host/v1")
    assert "canary" not in str(error.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"max_repairs": 99}, ["max_repairs", "99", "10"]),
        ({"max_repair": 1}, ["'max_repair'", "did you mean 'max_repairs'?"]),
        ({"prefer": "near"}, ["prefer", "'near'", "local_only"]),
        ({"coding_model": "opneai:x"}, ["coding_model", "opneai:x", "did you mean openai"]),
        ({"archives": "a,,b"}, ["archives", "''", "1 to 64"]),
        ({"archives": "[1"}, ["archives", "'[1'", '["one", "two"]']),
        ({"archives": [f"a{i}" for i in range(40)]}, ["archives", "40", "at most 32"]),
        ({"sandbox": "none"}, ["sandbox", "installation", "DUOGRAPH_SANDBOX"]),
        ({"database": "x.db"}, ["database", "installation", "duograph.toml"]),
    ],
)
def test_what_cannot_be_set_is_one_sentence(values: dict[str, object], words: list[str]) -> None:
    with open_user_settings() as service, pytest.raises(UserSettingsError) as error:
        service.update("default", values)
    assert all(word in str(error.value) for word in words)
    assert "\n" not in str(error.value)
    assert not str(error.value).endswith(("..", "?."))


def test_the_user_s_name_must_be_one() -> None:
    with pytest.raises(SettingsError, match="user is ' ', which is wrong: write some printable"):
        Settings(user=" ")
