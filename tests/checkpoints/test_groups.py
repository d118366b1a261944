"""Many rows, many reads and few rows a step: what makes many sessions at once cheap."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from checkpoints import DatabaseError, open_saver
from checkpoints.sqlite import build
from tests.checkpoints.posting import at, put, stored, writes_of


async def test_three_hundred_at_once_are_all_stored(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        places = await asyncio.gather(*(put(saver, f"t{number}", number) for number in range(300)))
        await asyncio.gather(
            *(saver.aput_writes(place, [("value", number)], "task") for number, place in enumerate(places))
        )
        found = [await saver.aget_tuple(place) for place in places]
        assert [one and one.checkpoint["channel_values"]["value"] for one in found] == list(range(300))
        assert [writes_of(one) for one in found] == [[("task", number)] for number in range(300)]
        # A task's writes that come twice count once, also among many.
        again = asyncio.gather(
            *(saver.aput_writes(place, [("value", "again")], "task") for place in places),
            *(saver.aput_writes(at("new", str(number)), [("value", 0)], "task") for number in range(200)),
        )
        await again
        found = [await saver.aget_tuple(place) for place in places]
        assert [writes_of(one) for one in found] == [[("task", number)] for number in range(300)]
        assert len(stored(tmp_path / "s.db")) == 500


async def test_they_take_few_statements_and_few_looks_at_the_file(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        it: Any = saver  # SQLite tells what it is asked to do
        await asyncio.gather(*(saver.aget_tuple(at("none")) for _ in range(2)))  # makes the connections
        statements: list[str] = []
        it.writer._conn.set_trace_callback(statements.append)  # noqa: SLF001
        await asyncio.gather(*(put(saver, f"t{number}", number) for number in range(300)))
        stores = [one for one in statements if one.startswith("INSERT INTO duograph_checkpoints")]
        assert len(stores) <= 20
        looks: list[str] = []
        for connection in it._reads._idle.queue:  # noqa: SLF001
            connection.set_trace_callback(looks.append)
        await asyncio.gather(
            *(saver.aget_tuple({"configurable": {"thread_id": f"t{number}"}}) for number in range(300))
        )
        assert 1 <= looks.count("BEGIN") <= 30


class State(TypedDict, total=False):
    """Two steps, the second behind an interrupt."""

    one: str
    two: str


@pytest.mark.parametrize("written_by", ["now", "before"])
async def test_what_starts_the_next_node_is_kept_in_the_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written_by: str
) -> None:
    """And in a row of its own, as it once was: such a file goes on as well."""
    path = tmp_path / "s.db"
    builder = StateGraph(State)
    builder.add_node("first", lambda _: State(one="done"))
    builder.add_node("second", lambda _: State(two="done"))
    for source, target in ((START, "first"), ("first", "second"), ("second", END)):
        builder.add_edge(source, target)
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    with monkeypatch.context() as patch:
        if written_by == "before":
            patch.setattr(build, "_TRIGGER", "nothing begins so")
        async with open_saver(path) as saver:
            graph = builder.compile(checkpointer=saver, interrupt_before=["second"])
            await graph.ainvoke(State(), config)
    with closing(sqlite3.connect(path)) as other:
        (rows,) = other.execute(
            "SELECT count(*) FROM duograph_values WHERE channel LIKE 'branch:%'"
        ).fetchone()
    assert (rows > 0) == (written_by == "before")
    async with open_saver(path) as saver:
        graph = builder.compile(checkpointer=saver, interrupt_before=["second"])
        assert (await graph.aget_state(config)).next == ("second",)
        await graph.aupdate_state(config, State(one="changed"), as_node="first")
        saver.copy_thread("t", "copy")
        saver.prune(["t"])
        for thread in ("t", "copy"):
            place: RunnableConfig = {"configurable": {"thread_id": thread}}
            assert (await graph.aget_state(place)).next == ("second",)
            assert await graph.ainvoke(None, place) == {"one": "changed", "two": "done"}
        assert saver.get_tuple(config) is not None


async def test_a_damaged_thread_spoils_no_other_reads_of_its_round(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_saver(path) as saver:
        for number in range(20):
            await put(saver, f"t{number}", number)
        with closing(sqlite3.connect(path)) as other, other:
            other.execute(
                "UPDATE duograph_checkpoints SET head = x'c1' WHERE thread = "
                "(SELECT id FROM duograph_threads WHERE name = 't7')"
            )
        found = await asyncio.gather(
            *(saver.aget_tuple({"configurable": {"thread_id": f"t{number}"}}) for number in range(20)),
            return_exceptions=True,
        )
        assert [number for number, one in enumerate(found) if isinstance(one, BaseException)] == [7]
        assert isinstance(found[7], DatabaseError)
