"""The saver on a real server: graphs, history, the list, pruning, and whoever else writes there."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from subprocess import Popen
from typing import Any, Literal, TypedDict, cast

import psycopg
import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, empty_checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from psycopg import sql

from checkpoints import (
    DatabaseError,
    Sessions,
    SessionSaver,
    export_session,
    fork,
    import_session,
    moments,
    open_saver,
)
from checkpoints.health import inspect_database
from checkpoints.postgres.schema import REVISION_TABLE, STEPS
from tests.checkpoints.test_history import Counted, place
from tests.checkpoints.test_saver_graph import TYPES, WRITER, Outcome, Part, ask, build, go, line, thread
from tests.postgres import PostgresServer

pytestmark = pytest.mark.slow

Spawn = Callable[..., "Popen[str]"]
METADATA: CheckpointMetadata = {"source": "input", "step": -1, "parents": {}}


def count(target: str, table: str) -> int:
    with psycopg.connect(target) as conn:
        row = conn.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return int(row[0])


def test_a_turn_is_there_with_its_model_after_the_database_was_opened_again(target: str) -> None:
    with open_saver(target, allowed_types=TYPES) as saver:
        build(saver).invoke(ask("hello"), thread("t"))
    with open_saver(target, allowed_types=TYPES) as saver:
        values = build(saver).get_state(thread("t")).values
    assert values["result"] == Outcome(status="verified", parts=[Part(name="first")])
    assert [message.text for message in values["messages"]] == ["hello", "turn 1"]


def test_a_type_that_was_not_allowed_comes_back_as_plain_data(target: str) -> None:
    with open_saver(target) as saver:
        build(saver).invoke(ask("hello"), thread("t"))
        values = build(saver).get_state(thread("t")).values
    assert values["result"] == {"status": "verified", "parts": [{"name": "first"}]}


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_every_durability_keeps_the_finished_turn(
    target: str, durability: Literal["sync", "async", "exit"]
) -> None:
    async with open_saver(target, allowed_types=TYPES) as saver:
        graph = build(saver)
        await graph.ainvoke(ask("hello"), thread("t"), durability=durability)
        assert (await graph.aget_state(thread("t"))).values["steps"] == ["first", "second"]


def test_threads_and_loops_at_once_lose_nothing(target: str) -> None:
    with open_saver(target, allowed_types=TYPES) as saver:
        graph = build(saver)

        def sync_turns(name: str) -> None:
            for turn in range(3):
                graph.invoke(ask(str(turn)), thread(name))

        async def turns_of(name: str) -> None:
            for turn in range(3):
                await graph.ainvoke(ask(str(turn)), thread(name))

        async def async_turns(name: str) -> None:
            await asyncio.gather(*(turns_of(f"{name}-{part}") for part in range(3)))

        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(sync_turns, f"sync-{part}") for part in range(2)]
            jobs += [pool.submit(asyncio.run, async_turns(f"loop-{part}")) for part in range(2)]
        for job in jobs:
            job.result()
        sessions = Sessions(saver).list()
    assert len(sessions) == 8
    assert {session.turns for session in sessions} == {3}


async def test_the_loop_goes_on_while_the_server_is_asked(target: str) -> None:
    async with open_saver(target) as saver:
        await saver.aput(place("t"), empty_checkpoint(), METADATA, {})
        with psycopg.connect(target) as other:
            other.execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")
            asking = asyncio.create_task(saver.aget_tuple(place("t")))
            for _ in range(20):
                await asyncio.sleep(0.005)
            assert not asking.done()
            asking.cancel()
            await asyncio.sleep(0.01)
            assert not asking.done()  # what was begun ends before the cancellation goes on
        with pytest.raises(asyncio.CancelledError):
            await asking


class Mood(StrEnum):
    GOOD = "good"


class Plain(TypedDict):
    text: str
    number: float


def test_what_the_servers_json_would_refuse_or_change_comes_back_as_it_was(target: str) -> None:
    odd: list[Plain] = [
        {"text": "NUL \0 inside", "number": float("nan")},
        {"text": "\u00e9 \U0001f600", "number": float("inf")},
        {"text": Mood.GOOD, "number": 0.1},
        {"text": "1e22", "number": 1e22},
        {"text": "-0.0", "number": -0.0},
    ]
    with open_saver(target, allowed_types=[Mood]) as saver:
        builder = StateGraph(Plain)
        builder.add_node("same", lambda state: state)
        builder.add_edge(START, "same")
        builder.add_edge("same", END)
        graph = builder.compile(checkpointer=saver)
        for at, state in enumerate(odd):
            graph.invoke(state, thread(str(at)))
            assert repr(graph.get_state(thread(str(at))).values) == repr(state)
        graph.invoke({"text": "half \ud83d of a sign", "number": 1.0}, thread("half"))
        assert graph.get_state(thread("half")).values["text"] == "half ? of a sign"  # as LangGraph writes it


def test_a_write_that_fails_half_way_leaves_nothing(target: str) -> None:
    with open_saver(target) as saver:
        stored = saver.put(place("t"), empty_checkpoint(), METADATA, {})
        checkpoint = {**empty_checkpoint(), "channel_values": {"a": [1]}, "channel_versions": {"a": "1"}}
        odd: Any = {"source": "loop", "step": 1, "odd": object()}
        with pytest.raises(TypeError):
            saver.put(stored, cast("Checkpoint", checkpoint), odd, {"a": "1"})
        with pytest.raises(TypeError):
            saver.put_writes(stored, [("a", 1), ("b", object())], "task")
        found = saver.get_tuple(place("t"))
        assert found is not None
        assert (found.checkpoint["id"], found.pending_writes) == (stored["configurable"]["checkpoint_id"], [])
    assert (count(target, "checkpoints"), count(target, "checkpoint_blobs")) == (1, 0)


def test_what_another_process_pruned_meanwhile_is_stored_again(target: str) -> None:
    with open_saver(target) as saver, open_saver(target) as other:
        first = cast(
            "Checkpoint", {**empty_checkpoint(), "channel_values": {"a": [1]}, "channel_versions": {"a": "1"}}
        )
        stored = saver.put(place("t"), first, METADATA, {"a": "1"})
        other.delete_thread("t")
        second = cast("Checkpoint", {**first, "id": str(uuid6())})
        saver.put(stored, second, METADATA, {})
        found = other.get_tuple(place("t"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"a": [1]}


def test_history_forks_files_and_copies_work_as_in_a_file(target: str) -> None:
    with open_saver(target) as saver:
        counted = Counted(saver)
        counted.ask("t", "one")
        counted.ask("t", "two")
        steps = moments(saver, "t")
        assert [moment.turn for moment in steps] == [2, 2, 2, 1, 1, 1]
        fork(saver, "t", at=steps[3].checkpoint_id, into="branch")
        assert counted.texts("branch") == counted.texts("t")[:3]
        import_session(saver, export_session(saver, "t").model_dump_json(), into="again")
        saver.copy_thread("t", "twin")
        for name in ("again", "twin"):
            assert counted.texts(name) == counted.texts("t")
        assert len(moments(saver, "twin")) == 6
        with pytest.raises(DatabaseError, match="twin exists already"):
            saver.copy_thread("t", "twin")
        listed = {session.thread_id: (session.title, session.turns) for session in Sessions(saver).list()}
        assert listed == {"t": ("one", 2), "again": ("one", 2), "twin": ("one", 2), "branch": ("one", 1)}
        saver.delete_thread("t")
        assert len(Sessions(saver).list()) == 3


def kept(saver: SessionSaver) -> list[tuple[int, tuple[str, ...]]]:
    return [(moment.step, moment.following) for moment in moments(saver, "t")]


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_same_turns_stay_as_in_a_file(target: str, keep: int) -> None:
    """Plain turns, one that waits for a person, and a fork of an old step, side by side on both."""
    with open_saver(":memory:", keep_turns=keep) as file, open_saver(target, keep_turns=keep) as server:
        stay: list[Any] = []
        for saver in (file, server):
            counted = Counted(saver)
            for turn in range(3):
                counted.ask("t", str(turn))
            counted.asks = True
            counted.ask("t", "wait")
            counted.graph.invoke(Command(resume="yes"), place("t"))
            counted.asks = False
            for turn in range(3):
                counted.ask("t", str(turn))
            grown = kept(saver)
            saver.prune(["t"], strategy="keep_turns")
            stay.append((grown, kept(saver), counted.texts("t")))
            saver.prune(["t"])
            assert len(kept(saver)) == 1
            assert counted.texts("t") == stay[-1][2]
            counted.ask("t", "last")
    assert stay[0] == stay[1]


def test_pruning_and_deleting_leave_nothing_that_nobody_needs(target: str) -> None:
    with open_saver(target, keep_turns=2) as saver:
        counted = Counted(saver)
        for turn in range(12):
            counted.ask("t", str(turn))
        values = count(target, "checkpoint_blobs")
        for turn in range(12):
            counted.ask("t", str(turn))
        assert count(target, "checkpoint_blobs") <= values + 3
        assert len(counted.texts("t")) == 72
        saver.prune(["t"], strategy="delete_all")
        assert Sessions(saver).list() == []
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "duograph_sessions"):
        assert count(target, table) == 0


def test_the_list_is_right_whoever_writes(target: str) -> None:
    """LangGraph's own saver was there first, and goes on writing to the same tables beside ours."""
    with PostgresSaver.from_conn_string(target) as stock:
        stock.setup()
        Counted(stock).ask("before", "long ago")  # type: ignore[arg-type]
        with open_saver(target) as saver:
            counted = Counted(saver)
            counted.ask("ours", "hello")
            Counted(stock).ask("theirs", "hi")  # type: ignore[arg-type]
            Counted(stock).ask("ours", "more")  # type: ignore[arg-type]
            found = Sessions(saver).list()
            assert [(one.thread_id, one.title, one.turns) for one in found] == [
                ("ours", "hello", 2),
                ("theirs", "hi", 1),
                ("before", "long ago", 1),
            ]
            stock.delete_thread("theirs")
            stock.prune(["ours"])
            assert [one.thread_id for one in Sessions(saver).list()] == ["ours", "before"]
            counted.ask("before", "again")
            assert Sessions(saver).list()[0].turns == 2


def test_deleting_a_run_shows_the_session_as_it_was_before(target: str) -> None:
    with open_saver(target) as saver:
        counted = Counted(saver)
        for run in ("r1", "r2"):
            config: RunnableConfig = {"configurable": {"thread_id": "t", "run_id": run}}
            counted.graph.invoke({"messages": [("user", run)]}, config)
        saver.delete_for_runs(["r2"])
        assert counted.texts("t")[0] == "r1"
        assert Sessions(saver).list()[0].turns == 1
        saver.delete_for_runs(["r1"])
        assert Sessions(saver).list() == []


def test_ten_thousand_sessions_are_listed_by_an_index(target: str) -> None:
    with open_saver(target) as saver:
        build(saver).invoke(ask("newest"), thread("mine"))
        with psycopg.connect(target) as conn:
            conn.execute(
                "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) "
                "SELECT n::text, '1ef0' || lpad(n::text, 8, '0'), '{}' FROM generate_series(1, 10000) n"
            )
            conn.execute("ANALYZE duograph_sessions")
            plan = conn.execute(
                "EXPLAIN SELECT thread_id FROM duograph_sessions ORDER BY last DESC LIMIT 50"
            ).fetchall()
        assert "duograph_sessions_last" in plan[1][0]
        spans = saver.thread_spans()
        assert len(spans) == 10_001
        assert spans[0].thread_id == "mine"


def test_a_reader_changes_nothing_and_is_told_so(target: str) -> None:
    with pytest.raises(DatabaseError, match="holds no sessions"), open_saver(target, read_only=True):
        pytest.fail("opened")
    with open_saver(target) as saver:
        Counted(saver).ask("t", "hello")
    with open_saver(target, read_only=True) as reader:
        assert Sessions(reader).list()[0].title == "hello"
        with pytest.raises(DatabaseError, match="opened read-only"):
            reader.delete_thread("t")
        with pytest.raises(DatabaseError, match="opened read-only"):
            reader.put(place("t"), empty_checkpoint(), METADATA, {})


def test_a_newer_revision_is_left_alone(target: str) -> None:
    with open_saver(target):
        pass
    with psycopg.connect(target) as conn:
        table = sql.Identifier(REVISION_TABLE)
        conn.execute(sql.SQL("INSERT INTO {} VALUES (%s)").format(table), (len(STEPS) + 1,))
    with pytest.raises(DatabaseError, match="of a newer version of Duograph"), open_saver(target):
        pytest.fail("opened")


def test_a_damaged_value_is_named_and_the_rest_is_listed(target: str) -> None:
    with open_saver(target) as saver:
        counted = Counted(saver)
        counted.ask("good", "one")
        counted.ask("bad", "two")
        with psycopg.connect(target) as conn:
            conn.execute("UPDATE checkpoint_blobs SET blob = '\\x81' WHERE thread_id = 'bad'")
        with pytest.raises(DatabaseError, match=r"A checkpoint of the session bad in .* is damaged"):
            saver.get_tuple(place("bad"))
        assert {one.thread_id for one in Sessions(saver).list()} == {"good", "bad"}


def test_after_closing_every_call_says_so(target: str) -> None:
    context = open_saver(target)
    with context as saver:
        pass
    with pytest.raises(DatabaseError, match="is closed"):
        saver.get_tuple(place("t"))
    with pytest.raises(DatabaseError, match="is closed"):
        asyncio.run(saver.aget_tuple(place("t")))
    with pytest.raises(DatabaseError, match="is closed"), saver.locks.hold("t"):
        pytest.fail("held")
    saver.close()


def test_the_server_is_inspected_and_nothing_is_made(target: str) -> None:
    server = inspect_database(target).server
    assert server is not None
    assert (server.is_ready, server.is_writable, server.sessions) == (False, True, 0)
    assert int(server.version.split(".")[0]) >= 12
    assert server.latency_ms > 0
    with open_saver(target) as saver:
        Counted(saver).ask("t", "hello")
    server = inspect_database(target).server
    assert server is not None
    assert (server.is_ready, server.sessions) == (True, 1)


def test_processes_start_on_a_new_database_at_once_and_all_write_everything(
    postgres: PostgresServer, child: Spawn
) -> None:
    target = postgres.new_database()
    processes = [child(WRITER, target, "write", name) for name in "abc"]
    assert [line(process) for process in processes] == ["ready"] * 3
    for process in processes:
        go(process)
    assert [line(process) for process in processes] == ["done"] * 3
    with open_saver(target) as saver:
        steps = [build(saver).get_state(thread(name)).values["steps"] for name in "abc"]
    assert steps == [["first", "second"] * 20] * 3


def test_a_kill_in_the_middle_of_a_turn_leaves_its_finished_supersteps_and_it_goes_on(
    target: str, child: Spawn
) -> None:
    process = child(WRITER, target, "hang", "t")
    assert line(process) == "ready"
    go(process)
    assert line(process) == "second has begun"
    process.kill()
    process.wait()
    with open_saver(target, allowed_types=TYPES) as saver:
        graph = build(saver)
        state = graph.get_state(thread("t"))
        assert state.values["steps"] == ["first"]
        assert state.next == ("second",)
        assert graph.invoke(None, thread("t"))["steps"] == ["first", "second"]
