"""Settings are created, read, updated and reset, on both kinds of database."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checkpoints.settings import SqlUserSettings, UserSettingsError, peek
from tests.checkpoints.settings.preferences import Preferences, opened

ROOT = Path(__file__).resolve().parents[3]


def test_where_nothing_is_kept_nothing_is_set_and_nothing_is_made(target: str, tmp_path: Path) -> None:
    with opened(target) as service:
        assert service.read("anna") == Preferences()
        assert service.rows("anna") == []
        assert service.users() == []
        assert service.reset("anna") == 0
    assert peek(target, "anna") == {}
    assert list(tmp_path.iterdir()) == []


def test_a_user_is_created_once(target: str) -> None:
    with opened(target) as service:
        wanted = Preferences(colour="blue", size=3)
        assert service.create("anna", wanted) == wanted
        assert service.read("anna") == wanted
        with pytest.raises(UserSettingsError, match="'anna' has settings already"):
            service.create("anna", Preferences(colour="red"))
        assert service.read("anna") == wanted


def test_an_update_changes_what_it_names_and_nothing_else(target: str) -> None:
    with opened(target) as service:
        service.update("anna", colour="blue", size=3, tags=["a", "b"])
        assert service.update("anna", size=4) == Preferences(colour="blue", size=4, tags=["a", "b"])
        assert service.update("anna", colour=None, share=0.1) == Preferences(
            size=4, share=0.1, tags=["a", "b"]
        )
        assert [row.name for row in service.rows("anna")] == ["share", "size", "tags"]


def test_users_do_not_see_each_other(target: str) -> None:
    with opened(target) as service:
        service.update("anna", size=1)
        service.update("ben", size=2, loud=True)
        assert service.users() == ["anna", "ben"]
        assert service.reset("ben") == 2
        assert service.read("anna") == Preferences(size=1)
        assert service.read("ben") == Preferences()
        assert (peek(target, "anna"), peek(target, "ben")) == ({"size": 1}, {})


def test_a_reset_takes_the_named_ones_or_all(target: str) -> None:
    with opened(target) as service:
        service.update("anna", colour="blue", size=3, loud=False)
        assert service.reset("anna", ["size", "share"]) == 1
        assert service.read("anna") == Preferences(colour="blue", loud=False)
        assert service.reset("anna") == 2
        assert service.users() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": "many"}, "The setting size is 'many', which is wrong: "),
        ({"size": -1}, "The setting size is -1, which is wrong: "),
        ({"shape": 1}, "The setting shape is 1, which is wrong: "),
        ({"tags": ["a", 3]}, "The setting tags.1 is 3, which is wrong: "),
    ],
)
def test_a_wrong_value_is_a_sentence_and_changes_nothing(
    target: str, changes: dict[str, object], words: str
) -> None:
    with opened(target) as service:
        service.update("anna", size=3)
        with pytest.raises(UserSettingsError) as error:
            service.update("anna", {"colour": "red"} | changes)
        assert str(error.value).startswith(words)
        assert "\n" not in str(error.value)
        assert service.read("anna") == Preferences(size=3)


@pytest.mark.parametrize("user", ["", " ", " anna", "anna\n", "a" * 129, "a\x00b"])
def test_a_user_must_have_a_name(tmp_path: Path, user: str) -> None:
    with (
        opened(str(tmp_path / "s.db")) as service,
        pytest.raises(UserSettingsError, match="is no name: write"),
    ):
        service.update(user, size=1)
    assert list(tmp_path.iterdir()) == []


def test_what_a_newer_version_kept_is_named_and_can_be_taken_back(target: str) -> None:
    SqlUserSettings(target).write("anna", {"flavour": "mint", "size": 3})
    with opened(target) as service:
        with pytest.raises(UserSettingsError, match="settings unset flavour --user anna"):
            service.read("anna")
        assert service.reset("anna", ["flavour"]) == 1
        assert service.read("anna") == Preferences(size=3)


def test_the_time_of_a_value_is_kept_in_utc(target: str) -> None:
    before = datetime.now(UTC)
    with opened(target) as service:
        service.update("anna", size=1)
        service.update("anna", size=2)
        (row,) = service.rows("anna")
    assert before <= row.updated_at <= datetime.now(UTC)
    assert row.updated_at.tzinfo is UTC


VALUES = st.one_of(
    st.fixed_dictionaries({"colour": st.text(st.characters(codec="utf-8", exclude_characters="\0"))}),
    st.fixed_dictionaries({"size": st.integers(min_value=0)}),
    st.fixed_dictionaries({"share": st.floats(allow_nan=False, allow_infinity=False)}),
    st.fixed_dictionaries({"loud": st.booleans(), "tags": st.lists(st.text("ab,[ \"'", max_size=3))}),
    st.fixed_dictionaries({"colour": st.none(), "tags": st.none()}),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["anna", "ben", "ünï ?#%"]), VALUES), max_size=5))
def test_what_is_kept_is_what_was_last_set_for_both_readers(
    target: str, steps: list[tuple[str, dict[str, object]]]
) -> None:
    wanted: dict[str, dict[str, object]] = {}
    with opened(target) as service:
        for user in service.users():
            service.reset(user)
        for user, changes in steps:
            merged = wanted.get(user, {}) | changes
            wanted[user] = {name: value for name, value in merged.items() if value is not None}
            assert service.update(user, changes) == Preferences.model_validate(wanted[user])
        for user, values in wanted.items():
            assert peek(target, user) == values
        assert service.users() == sorted(user for user, values in wanted.items() if values)


WRITER = """
import sys
from tests.checkpoints.settings.preferences import opened
target, name, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
sys.stdin.readline()
with opened(target) as service:
    for number in range(times):
        service.update("anna", {name: number})
"""


def test_processes_that_set_different_names_lose_nothing(target: str) -> None:
    """Both begin at once on an empty database, so they also race for the tables."""
    command = [sys.executable, "-c", WRITER, target]
    with (
        subprocess.Popen([*command, "size", "15"], cwd=ROOT, stdin=subprocess.PIPE) as one,
        subprocess.Popen([*command, "share", "15"], cwd=ROOT, stdin=subprocess.PIPE) as two,
    ):
        one.communicate(b"\n", timeout=60)
        two.communicate(b"\n", timeout=60)
    assert (one.returncode, two.returncode) == (0, 0)
    with opened(target) as service:
        assert service.read("anna") == Preferences(size=14, share=14.0)
