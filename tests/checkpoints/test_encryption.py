"""Encryption at rest: no plain text in the file, and one clear sentence for every wrong key."""

import builtins
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from pydantic import SecretStr

from checkpoints import DatabaseError, SaverContext, Sessions, SessionSaver, open_saver

SAID = "the-secret-word"
Graph = CompiledStateGraph[MessagesState, None, MessagesState, MessagesState]


def build(saver: SessionSaver) -> Graph:
    builder = StateGraph(MessagesState)
    builder.add_node("answer", lambda _: {"messages": [AIMessage(f"{SAID} " * 100)]})
    builder.add_edge(START, "answer")
    return builder.compile(checkpointer=saver)


def turn(saver: SessionSaver) -> None:
    config: RunnableConfig = {"configurable": {"thread_id": "t", "note": SAID}, "metadata": {"say": SAID}}
    build(saver).invoke({"messages": [HumanMessage(f"{SAID}?")]}, config)


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def refusal(path: Path, key: str | None) -> str:
    with pytest.raises(DatabaseError) as caught, open_saver(path, encryption_key=key):
        pass
    return str(caught.value)


def test_nothing_that_was_said_stands_in_the_file(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db", encryption_key="a passphrase") as saver:
        turn(saver)
        assert SAID.encode() not in bytes_of(tmp_path)
        turn(saver)
        state = build(saver).get_state({"configurable": {"thread_id": "t"}})
        assert [message.text[: len(SAID)] for message in state.values["messages"]] == [SAID] * 4
        assert state.metadata is not None
        assert dict(state.metadata)["note"] == SAID
    assert SAID.encode() not in bytes_of(tmp_path)
    with open_saver(tmp_path / "s.db", encryption_key="a passphrase") as saver:
        assert Sessions(saver).list()[0].title == f"{SAID}?"


def test_without_a_key_it_does(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db") as saver:
        turn(saver)
    assert SAID.encode() in bytes_of(tmp_path)


def test_the_key_may_stand_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOGRAPH_ENCRYPTION_KEY", "a passphrase")
    with open_saver(tmp_path / "s.db") as saver:
        turn(saver)
    assert SAID.encode() not in bytes_of(tmp_path)
    monkeypatch.delenv("DUOGRAPH_ENCRYPTION_KEY")
    assert "s.db is encrypted: give its key with DUOGRAPH_ENCRYPTION_KEY" in refusal(tmp_path / "s.db", None)


@pytest.mark.parametrize(
    ("key", "text"),
    [("", "is empty: give"), (b"a passphrase", "is a bytes: give"), (SecretStr("a"), "is a SecretStr: give")],
)
def test_an_empty_key_or_one_that_is_no_text_is_not_taken_for_none(
    tmp_path: Path, key: str, text: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^encryption_key {text}"):
        open_saver(tmp_path / "s.db", encryption_key=key)


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("target", ["s.db", ":memory:", "postgresql://nobody@nowhere/db"])
def test_an_empty_variable_is_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, *, read_only: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    if read_only:
        with open_saver("s.db"):
            pass
    monkeypatch.setenv("DUOGRAPH_ENCRYPTION_KEY", "")
    before = sorted(tmp_path.iterdir())
    with (
        pytest.raises(DatabaseError, match=r"DUOGRAPH_ENCRYPTION_KEY is empty: give .* or unset it\.$"),
        open_saver(target, read_only=read_only),
    ):
        pytest.fail("opened")
    assert sorted(tmp_path.iterdir()) == before


def test_a_key_that_is_given_goes_before_an_empty_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOGRAPH_ENCRYPTION_KEY", "")
    with open_saver(tmp_path / "s.db", encryption_key="a passphrase") as saver:
        turn(saver)
    assert SAID.encode() not in bytes_of(tmp_path)


def test_a_new_file_is_not_encrypted_with_a_short_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_short = "encrypted with so short an encryption_key: give a passphrase of 8 characters or more."
    (tmp_path / "empty.db").touch()
    with closing(sqlite3.connect(tmp_path / "others.db")) as conn:
        conn.execute("CREATE TABLE notes (text)")
    for name in ("new.db", "empty.db", "others.db"):
        text = refusal(tmp_path / name, "7 signs")
        assert text == f"The session database {tmp_path / name} cannot be {too_short}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.db", "others.db"]
    assert (tmp_path / "empty.db").read_bytes() == b""
    assert b"duograph" not in (tmp_path / "others.db").read_bytes()
    monkeypatch.setenv("DUOGRAPH_ENCRYPTION_KEY", "7 signs")
    assert too_short in refusal(tmp_path / "new.db", None)


def test_a_file_that_was_encrypted_with_a_short_key_still_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before, open_saver_of_old(before, tmp_path / "s.db") as saver:
        turn(saver)
    with open_saver(tmp_path / "s.db", encryption_key="7 signs") as saver:
        assert Sessions(saver).list()[0].title == f"{SAID}?"


def open_saver_of_old(patch: pytest.MonkeyPatch, path: Path) -> SaverContext:
    """Open as it was before keys had a least length."""
    patch.setattr("checkpoints.passphrase.SHORTEST_KEY", 1)
    return open_saver(path, encryption_key="7 signs")


def test_a_file_that_cannot_be_looked_at_is_explained_with_a_key_too(tmp_path: Path) -> None:
    assert "cannot be opened (File name too long)" in refusal(tmp_path / ("x" * 300), "a passphrase")


def test_another_key_and_a_key_too_many_are_refused_and_change_nothing(tmp_path: Path) -> None:
    for name, key in (("locked.db", "a passphrase"), ("open.db", None)):
        with open_saver(tmp_path / name, encryption_key=key) as saver:
            turn(saver)
    before = bytes_of(tmp_path)
    assert "locked.db is encrypted with another key" in refusal(tmp_path / "locked.db", "another")
    assert "open.db is not encrypted, but a key was given" in refusal(tmp_path / "open.db", "a passphrase")
    assert bytes_of(tmp_path) == before


def test_without_the_package_the_command_that_installs_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: object, **choices: object) -> object:
        if name.startswith("Crypto"):
            raise ImportError(name)
        return real(name, *arguments, **choices)  # type: ignore[arg-type]

    for name in [name for name in sys.modules if name.startswith("Crypto")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    assert "pip install 'duograph[encryption]'" in refusal(tmp_path / "s.db", "a passphrase")
