"""Sessions on a PostgreSQL server: our saver beside LangGraph's `AsyncPostgresSaver`, in one run.

A graph of five nodes that each add a message of 1 KB. Ours keeps the last 20 turns open to time travel and
writes its list of sessions along; where it says so, it also holds the thread's lock and asks for it in each
write. The peer does none of that. The database that TARGET names is emptied.
"""

import argparse
import asyncio
import json
import operator
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from secrets import token_hex
from typing import Annotated, Any, TypedDict

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from checkpoints import Sessions, ThreadLocks, open_saver
from checkpoints.postgres.database import CONNECTIONS

IN_FLIGHT = 100
NODES = ("one", "two", "three", "four", "five")

Figures = dict[str, float]


class State(TypedDict, total=False):
    """What grows."""

    messages: Annotated[list[str], operator.add]


def build(saver: BaseCheckpointSaver[str]) -> Callable[[str], Any]:
    """One turn on a thread, as a function of the thread's id."""
    builder = StateGraph(State)
    for before, node in zip((START, *NODES), NODES, strict=False):
        builder.add_node(node, lambda _: {"messages": [token_hex(500)]})
        builder.add_edge(before, node)
    builder.add_edge(NODES[-1], END)
    graph = builder.compile(checkpointer=saver)

    async def turn(thread_id: str) -> None:
        config: RunnableConfig = {"configurable": {"thread_id": thread_id}}
        await graph.ainvoke({"messages": [token_hex(500)]}, config, durability="sync")

    return turn


async def measure(saver: BaseCheckpointSaver[str], turns: int, locks: ThreadLocks | None) -> Figures:
    """Sessions each second with many in flight, and one long session."""
    turn, gate = build(saver), asyncio.Semaphore(IN_FLIGHT)

    async def locked(thread_id: str) -> None:
        async with locks.ahold(thread_id) if locks else nullcontext():
            await turn(thread_id)

    async def one(number: int) -> None:
        async with gate:
            await locked(f"many-{number}")

    start = time.perf_counter()
    await asyncio.gather(*map(one, range(3 * IN_FLIGHT)))
    rate = 3 * IN_FLIGHT / (time.perf_counter() - start)
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        await locked("long")
        times.append((time.perf_counter() - start) * 1000)
    return {
        "sessions_per_s": round(rate, 1),
        "first_turns_ms": round(statistics.median(times[:10]), 1),
        "last_turns_ms": round(statistics.median(times[-10:]), 1),
    }


def empty(target: str) -> None:
    """Begin with a schema that holds nothing."""
    with psycopg.connect(target, autocommit=True) as conn:
        conn.execute("DROP SCHEMA public CASCADE")
        conn.execute("CREATE SCHEMA public")


def size(target: str) -> Figures:
    """What the tables of the long session hold now; what was deleted is given back first."""
    with psycopg.connect(target, autocommit=True) as conn:
        conn.execute("DELETE FROM checkpoint_blobs WHERE thread_id LIKE 'many-%'")
        conn.execute("DELETE FROM checkpoint_writes WHERE thread_id LIKE 'many-%'")
        conn.execute("DELETE FROM checkpoints WHERE thread_id LIKE 'many-%'")
        total = 0
        for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
            conn.execute(f"VACUUM FULL {table}".encode())
            row = conn.execute("SELECT pg_total_relation_size(%s)", (table,)).fetchone()
            total += row[0] if row else 0
    return {"long_session_mb": round(total / 1e6, 1)}


async def ours(target: str, turns: int, *, is_locked: bool) -> Figures:
    """Our saver."""
    empty(target)
    async with open_saver(target) as saver:
        return await measure(saver, turns, saver.locks if is_locked else None) | size(target)


async def theirs(target: str, turns: int) -> Figures:
    """LangGraph's, with as many connections."""
    empty(target)
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(
        target, kwargs=options, min_size=CONNECTIONS, max_size=CONNECTIONS, open=False
    ) as pool:
        saver = AsyncPostgresSaver(pool)  # type: ignore[arg-type]  # the rows' type is among the options
        await saver.setup()
        return await measure(saver, turns, None) | size(target)


def listing(target: str) -> Figures:
    """The list of 10,000 sessions: its first fifty, and all."""
    empty(target)
    with open_saver(target) as saver:
        with psycopg.connect(target) as conn:
            conn.execute(
                "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) "
                "SELECT n::text, '1ef0' || lpad(n::text, 8, '0'), '{}' FROM generate_series(1, 10000) n"
            )
            conn.execute("UPDATE duograph_sessions SET outlined = last, title = 'a title', asked = 1")
        found: Figures = {}
        for name, limit in (("list_50_ms", 50), ("list_10000_ms", None)):
            start = time.perf_counter()
            Sessions(saver).list(limit)
            found[name] = round((time.perf_counter() - start) * 1000, 1)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", help="a PostgreSQL database to be emptied, postgresql://…")
    parser.add_argument("--turns", type=int, default=50, help="turns of the long session (50)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds, side by side (3); medians are shown")
    parser.add_argument("--json", action="store_true", help="print JSON")
    chosen = parser.parse_args()
    rounds: list[dict[str, Figures]] = [
        {
            "AsyncPostgresSaver": asyncio.run(theirs(chosen.target, chosen.turns)),
            "ours": asyncio.run(ours(chosen.target, chosen.turns, is_locked=False)),
            "ours, locked": asyncio.run(ours(chosen.target, chosen.turns, is_locked=True)),
            "list": listing(chosen.target),
        }
        for _ in range(chosen.repeat)
    ]
    rows = {
        name: {key: statistics.median(one[name][key] for one in rounds) for key in figures}
        for name, figures in rounds[0].items()
    }
    if chosen.json:
        print(json.dumps(rows))
        return
    for name, figures in rows.items():
        print(f"{name:20}" + "".join(f"  {key} {value}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
