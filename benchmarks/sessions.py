"""Our session saver beside LangGraph's, in one run: size, growth, cost of a superstep, sessions in a second.

Exit code 1 when a target is missed. Ratios are what counts: run it on a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from benchmarks.session_growth import WORDS, Growth, growth, turns
from benchmarks.session_process import apart
from benchmarks.session_shapes import (
    Conversation,
    Opens,
    StockConversation,
    conversation,
    idle,
    memory,
    ours,
    ours_for_any_graph,
    part,
    stock,
)
from benchmarks.session_speed import Measured, compared, rate, superstep
from checkpoints import Sessions, SessionSaver, open_saver

_PAUSE_S = 0.02
"""Between two turns of a conversation: less than anybody needs to read an answer."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result.

    Attributes:
        name: What was measured.
        ours: Our figure.
        peer: The peer's, or None when there is none.
        unit: Of both.
        ratio: What the target is about; None when it is reported without a target.
        target: What `ratio` shall be.
        is_most: Whether the target is the most that it may be; else it is the least.
    """

    name: str
    ours: float
    peer: float | None
    unit: str
    ratio: float | None = None
    target: float | None = None
    is_most: bool = True

    @property
    def is_met(self) -> bool:
        """Whether the target is reached, or there is none."""
        if self.ratio is None or self.target is None:
            return True
        return self.ratio <= self.target if self.is_most else self.ratio >= self.target


async def fill(opens: Opens, path: Path, count: int, *, trims: bool = False) -> None:
    """Take turns on one thread. `trims` drops the stock saver's old rows."""
    async with opens(path) as saver:
        turn = turns(saver)
        for number in range(count):
            await turn()
            if trims and number % 10 == 0 and isinstance(saver, AsyncSqliteSaver):
                await saver.conn.execute(
                    "DELETE FROM checkpoints WHERE checkpoint_id < "
                    "(SELECT checkpoint_id FROM checkpoints ORDER BY checkpoint_id DESC LIMIT 1 OFFSET 20)"
                )
                await saver.conn.execute("DELETE FROM writes")
                await saver.conn.commit()


async def read_latest(opens: Opens, path: Path, repeat: int) -> float:
    """Milliseconds for the latest state, each time with a saver that was just opened."""
    took = []
    for _ in range(repeat):
        async with opens(path) as saver:
            graph = conversation().compile(checkpointer=saver)
            start = time.perf_counter()
            await graph.aget_state(_thread("t"))
            took.append((time.perf_counter() - start) * 1000)
    return statistics.median(took)


def size(folder: Path, count: int, long: int) -> list[Figure]:
    """The file's size after some turns, and reading the latest state of a long thread."""
    for name, opens in (("stock", stock), ("ours", ours)):
        apart(fill, opens, folder / f"{name}.db", count)
        apart(fill, opens, folder / f"{name}_long.db", long, trims=True)
    sizes = [(folder / name).stat().st_size / 1e6 for name in ("ours.db", "stock.db")]
    reads = [
        apart(read_latest, opens, folder / name, 9)
        for opens, name in ((ours, "ours_long.db"), (stock, "stock_long.db"))
    ]
    return [
        Figure(f"file after {count} turns", sizes[0], sizes[1], "MB", sizes[0] / sizes[1], 0.01),
        Figure(f"latest state with {long} turns, cold", reads[0], reads[1], "ms"),
    ]


def growing(folder: Path, late: int, pairs: int) -> list[Figure]:
    """How a turn's time grows: ours, and what LangGraph takes by itself."""
    found: dict[str, Growth] = {}
    for name, opens, schema, pause_s in (
        ("ours", ours, Conversation, _PAUSE_S),
        ("ours, without a pause", ours, Conversation, 0.0),
        ("ours, LangGraph's reducer", ours_for_any_graph, StockConversation, _PAUSE_S),
        ("LangGraph alone", idle, StockConversation, _PAUSE_S),
        ("LangGraph's memory saver", memory, StockConversation, _PAUSE_S),
    ):
        place = folder / name.replace(" ", "_")
        place.mkdir()
        found[name] = apart(growth, opens, place, schema, late=late, pairs=pairs, pause_s=pause_s)
    return [
        Figure(
            f"turn {late}, beside turn 10, {name}",
            one.late,
            one.early,
            "ms",
            one.ratio,
            1.2 if name == "ours" else None,
        )
        for name, one in found.items()
    ]


def speed(folder: Path, rounds: int) -> list[Figure]:
    """Cost of a superstep, and sessions in a second."""
    for name in ("steps", "rates"):
        (folder / name).mkdir()
    steps = compared(folder / "steps", partial(superstep, runs=40), rounds)
    rates = compared(folder / "rates", partial(rate, sessions=200), rounds)
    added, others = (steps.median(name) - steps.median("none") for name in ("ours", "stock"))
    flight = _beside_stock("sessions in flight: 100", rates, "ours", "/s")
    return [
        replace(_beside_stock("superstep", steps, "ours", "µs"), target=1 / 3),
        Figure("superstep, what the saver adds", added, others, "µs", added / others),
        _beside_stock("superstep, idle saver beside stock", steps, "idle", "µs"),
        _beside_stock("superstep, memory beside stock", steps, "memory", "µs"),
        replace(flight, target=3.5, is_most=False),
        _beside_stock("the same, memory beside stock", rates, "memory", "/s"),
    ]


def _beside_stock(name: str, found: Measured, side: str, unit: str) -> Figure:
    return Figure(name, found.median(side), found.median("stock"), unit, found.ratio(side, "stock"))


async def many_threads(folder: Path, threads: int) -> Figure:
    """Opening a file of many threads and listing the last 50."""
    path = folder / "many.db"
    async with open_saver(path) as saver:
        for first in range(0, threads, 500):
            await asyncio.gather(
                *(_one_thread(saver, number) for number in range(first, min(first + 500, threads)))
            )
    took = []
    for _ in range(5):
        start = time.perf_counter()
        async with open_saver(path) as saver:
            if len(Sessions(saver).list()) != min(50, threads):
                raise RuntimeError("The list is not whole.")
        took.append((time.perf_counter() - start) * 1000)
    return Figure(f"open and list, {threads} threads", statistics.median(took), None, "ms")


async def _one_thread(saver: SessionSaver, number: int) -> None:
    versions: dict[str, str | int | float] = {"messages": saver.get_next_version(None)}
    messages = [HumanMessage(part(WORDS, 1000)), AIMessage(part(WORDS, 1000))]
    checkpoint = {
        **empty_checkpoint(),
        "channel_values": {"messages": messages},
        "channel_versions": versions,
    }
    config = {"configurable": {"thread_id": f"thread-{number}", "checkpoint_ns": ""}}
    await saver.aput(config, checkpoint, {"source": "input", "step": -1, "parents": {}}, versions)  # type: ignore[arg-type]


def _thread(name: str) -> Any:  # noqa: ANN401  # a RunnableConfig
    return {"configurable": {"thread_id": name}}


def measure(*, is_quick: bool) -> list[Figure]:
    """All figures; quickly, for a look at whether it works."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = size(folder, *((30, 60) if is_quick else (200, 500)))
        figures += growing(folder, *((60, 3) if is_quick else (500, 40)))
        figures += speed(folder, 2 if is_quick else 15)
        return [*figures, apart(many_threads, folder, 300 if is_quick else 10_000)]


def main() -> int:
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(description="Our session saver beside LangGraph's.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quick", action="store_true", help="small figures, judged by nobody")
    options = parser.parse_args()
    figures = measure(is_quick=options.quick)
    if options.json:
        print(json.dumps([asdict(figure) | {"is_met": figure.is_met} for figure in figures], indent=1))
    else:
        for figure in figures:
            _show(figure)
    return 0 if options.quick or all(figure.is_met for figure in figures) else 1


def _show(figure: Figure) -> None:
    peer = "" if figure.peer is None else f" beside {figure.peer:.1f}"
    ratio = "" if figure.ratio is None else f"  ratio {figure.ratio:.3f}"
    bound = "≤" if figure.is_most else "≥"
    verdict = (
        ""
        if figure.target is None
        else f" ({bound} {figure.target:.3f}: {'met' if figure.is_met else 'MISSED'})"
    )
    print(f"{figure.name:52} {figure.ours:8.2f}{peer} {figure.unit}{ratio}{verdict}")


if __name__ == "__main__":
    sys.exit(main())
