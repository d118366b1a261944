"""Addresses of servers: what is shown of them, and what is said when there is no server, driver or sense."""

import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints import DatabaseError, open_saver
from checkpoints.health import inspect_database
from checkpoints.postgres.address import is_postgres, place_of
from graph.settings import Settings


def refusal(target: str, **choices: str) -> str:
    with pytest.raises(DatabaseError) as caught, open_saver(target, encryption_key=choices.get("key")):
        pytest.fail("opened")
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("postgresql://ann:secret@db.example:5433/work", "postgresql://ann@db.example:5433/work"),
        ("postgres://ann@db/work?sslmode=require&password=secret", "postgresql://ann@db/work"),
        ("postgresql://ann:se/cr@et@db/work", "postgresql://ann@db/work"),
        ("postgresql:///work?host=/run/pg&user=ann", "postgresql:///work?host=/run/pg&user=ann"),
        ("postgresql://[::1]:5432/work", "postgresql://[::1]:5432/work"),
    ],
)
def test_an_address_is_shown_without_what_is_secret(target: str, shown: str) -> None:
    assert is_postgres(target)
    assert place_of(target) == shown


@given(st.text(min_size=6, max_size=20).filter(lambda text: text not in "postgresql://ann@db:5432/work"))
def test_no_password_is_ever_shown(password: str) -> None:
    written = quote(password, safe="")
    for target in (
        f"postgresql://ann:{written}@db:5432/work",
        f"postgresql://ann@db:5432/work?password={written}",
        f"postgresql://ann:{password}@db:5432/work",
    ):
        assert password not in place_of(target)
        assert written not in place_of(target)


@pytest.mark.parametrize(
    "target", ["sessions.sqlite", "mysql://ann@db/work", "postgresql+psycopg://ann@db/work"]
)
def test_what_is_no_address_of_a_server_is_none(target: str) -> None:
    assert not is_postgres(target)


def test_nobody_listening_is_said_in_one_sentence(tmp_path: Path) -> None:
    target = f"postgresql://ann:secret@/work?host={tmp_path}"
    text = refusal(target)
    assert "cannot be reached" in text
    assert "No such file or directory" in text
    assert "secret" not in text
    with pytest.raises(DatabaseError, match="cannot be reached"):
        inspect_database(target)


@pytest.mark.parametrize(
    "target",
    [
        "postgresql://ann:sec%ret@db/work",
        "postgresql://ann:sec/ret@db/work",
        "postgresql://ann@db/work?pasword=sec",
        "postgresql://ann@db:sec/work",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_quoting_it(target: str) -> None:
    text = refusal(target)
    assert "sec" not in text.replace("postgresql://ann@db:sec/work", "")


def test_a_missing_driver_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "pip install 'duograph[postgres]'" in refusal("postgresql://ann:secret@db/work")
    with pytest.raises(DatabaseError, match="pip install"):
        inspect_database("postgresql://ann:secret@db/work")


def test_encryption_is_refused_since_the_tables_are_not_ours_alone() -> None:
    text = refusal("postgresql://ann:secret@db/work", key="a passphrase")
    assert "cannot be encrypted by us" in text
    assert "passphrase" not in text


def test_settings_do_not_show_the_password() -> None:
    settings = Settings(database="postgresql://ann:secret@db/work", user_settings=False)
    assert "secret" not in repr(settings)
