"""Opening a file of LangGraph's own SqliteSaver: everything is there afterwards, and the file is smaller."""

import operator
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from checkpoints import DatabaseError, Sessions, open_saver
from checkpoints.sqlite.open import make_ready


class Outcome(BaseModel):
    status: str


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    steps: Annotated[list[str], operator.add]
    result: Outcome


Graph = CompiledStateGraph[State, None, State, State]


def build(saver: Any) -> Graph:  # noqa: ANN401  # theirs or ours
    def ask(state: State) -> State:
        answer = interrupt("go on?") if "wait" in state["messages"][-1].text else "yes"
        return {"steps": [answer], "messages": [AIMessage(f"answer {len(state['messages'])} " * 40)]}

    builder = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_node("end", lambda _: {"steps": ["end"], "result": Outcome(status="done")})
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "end")
    builder.add_edge("end", END)
    return builder.compile(checkpointer=saver)


def thread(name: str) -> RunnableConfig:
    return {"configurable": {"thread_id": name}}


@dataclass(frozen=True)
class Stock:
    """A file of the stock saver, and all that it holds, in plain data."""

    path: Path
    held: list[CheckpointTuple]

    def copy_to(self, path: Path) -> list[CheckpointTuple]:
        """Put the file there; gives what it holds."""
        shutil.copyfile(self.path, path)
        return self.held


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    """Sixty turns take the stock saver a second: they are taken once, and each test gets a copy."""
    path = tmp_path_factory.mktemp("stock") / "s.db"
    return Stock(path, fill(path))


def fill(path: Path, turns: int = 30) -> list[CheckpointTuple]:
    """Take turns with the stock saver; give all that it holds, in plain data."""
    with closing(sqlite3.connect(path, check_same_thread=False)) as conn:
        serde = JsonPlusSerializer(allowed_msgpack_modules=(Outcome,))
        saver = SqliteSaver(conn, serde=serde)
        graph = build(saver)
        for name in ("a", "b"):
            for turn in range(turns):
                graph.invoke({"messages": [HumanMessage(f"turn {turn} of {name}")]}, thread(name))
        graph.invoke({"messages": [HumanMessage("wait")]}, thread("waits"))
        return list(saver.list(None))


def content(found: CheckpointTuple) -> tuple[Any, ...]:
    metadata = {
        name: list(part) if isinstance(part, tuple) else part for name, part in found.metadata.items()
    }
    return found.config["configurable"], found.checkpoint, metadata, found.parent_config, found.pending_writes


def test_a_file_is_encrypted_as_it_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    expected = fill(path, turns=5)
    with open_saver(path, allowed_types=(Outcome,), encryption_key="a passphrase") as saver:
        found = sorted(saver.list(None), key=lambda item: item.checkpoint["id"], reverse=True)
        assert list(map(content, found)) == list(map(content, expected))
    assert b"turn 0 of a" not in path.read_bytes()


# Each message is decrypted with each of the 240 checkpoints, and that takes seconds.
encrypted = pytest.param("a passphrase", marks=pytest.mark.slow, id="encrypted")


@pytest.mark.parametrize("key", [pytest.param(None, id="clear"), encrypted])
def test_everything_is_there_afterwards_and_takes_less_room(
    stock: Stock, tmp_path: Path, key: str | None
) -> None:
    path = tmp_path / "s.db"
    expected = stock.copy_to(path)
    size = path.stat().st_size
    with open_saver(path, allowed_types=(Outcome,), encryption_key=key) as saver:
        found = sorted(saver.list(None), key=lambda item: item.checkpoint["id"], reverse=True)
        assert list(map(content, found)) == list(map(content, expected))
        titles = {summary.thread_id: summary.title for summary in Sessions(saver).list()}
        assert titles == {"a": "turn 0 of a", "b": "turn 0 of b", "waits": "wait"}
        statuses = {summary.thread_id: summary.status for summary in Sessions(saver).list()}
        assert statuses == {"a": "done", "b": "done", "waits": None}
        graph = build(saver)
        assert graph.invoke(Command(resume="I say so"), thread("waits"))["steps"] == ["I say so", "end"]
        assert len(graph.invoke({"messages": [HumanMessage("more")]}, thread("a"))["messages"]) == 62
    assert path.stat().st_size < size / 5
    with closing(sqlite3.connect(path)) as conn:
        tables = {name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert not {"checkpoints", "writes"} & tables
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_type_that_is_not_allowed_here_is_not_lost(stock: Stock, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    stock.copy_to(path)
    with open_saver(path):
        pass
    with open_saver(path, allowed_types=(Outcome,)) as saver:
        assert build(saver).get_state(thread("a")).values["result"] == Outcome(status="done")


def test_a_file_from_before_the_task_path_column_is_taken_over(stock: Stock, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    expected = stock.copy_to(path)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("ALTER TABLE writes DROP COLUMN task_path")
    with open_saver(path, allowed_types=(Outcome,)) as saver:
        assert len(list(saver.list(None))) == len(expected)


def test_a_damaged_session_is_as_damaged_as_before_and_hides_no_other(stock: Stock, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    expected = stock.copy_to(path)
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute(
            "UPDATE checkpoints SET checkpoint = x'c1' WHERE checkpoint_id = "
            "(SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = 'b')"
        )
    with open_saver(path, allowed_types=(Outcome,)) as saver:
        with pytest.raises(DatabaseError, match="A checkpoint of the session b in"):
            saver.get_tuple(thread("b"))
        statuses = {summary.thread_id: summary.status for summary in Sessions(saver).list()}
        assert statuses == {"a": "done", "b": "damaged", "waits": None}
        others = [found for found in expected if found.config["configurable"]["thread_id"] == "a"]
        assert list(map(content, saver.list(thread("a")))) == list(map(content, others))


def test_a_disk_that_is_full_in_the_middle_leaves_the_stock_tables_as_they_were(
    stock: Stock, tmp_path: Path
) -> None:
    path = tmp_path / "s.db"
    stock.copy_to(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        before = conn.execute("SELECT count(*), sum(length(checkpoint)) FROM checkpoints").fetchone()
        pages = conn.execute("PRAGMA page_count").fetchone()[0]
        conn.execute(f"PRAGMA max_page_count={pages + 3}").fetchall()
        with pytest.raises(sqlite3.OperationalError, match="full"):
            make_ready(conn, "s.db", None, JsonPlusSerializer())
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("SELECT count(*), sum(length(checkpoint)) FROM checkpoints").fetchone() == before
        assert "duograph_meta" not in {name for (name,) in conn.execute("SELECT name FROM sqlite_master")}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE writes SET type = 'zzz' WHERE thread_id = 'a'",
        "UPDATE writes SET value = x'ff' WHERE thread_id = 'a'",
        "UPDATE checkpoints SET metadata = 'nonsense' WHERE thread_id = 'a'",
        "UPDATE checkpoints SET metadata = '[]' WHERE thread_id = 'a'",
        "UPDATE checkpoints SET checkpoint = x'80' WHERE thread_id = 'a'",
        "UPDATE checkpoints SET checkpoint = x'c1' WHERE thread_id = 'a'",
    ],
)
def test_damage_in_one_session_keeps_no_other_from_moving(stock: Stock, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "stock.db"
    stock.copy_to(path)
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute(damage).rowcount > 0
        conn.commit()
    with open_saver(path, allowed_types=(Outcome,)) as saver:
        kept = build(saver).get_state(thread("b")).values["messages"]
        assert {summary.thread_id for summary in Sessions(saver).list(None)} == {"a", "b", "waits"}
    assert len(kept) == 60
