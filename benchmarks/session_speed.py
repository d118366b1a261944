"""What a superstep costs, and how many sessions go through in a second, each saver in turn."""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.session_process import Work, saver_apart
from benchmarks.session_shapes import NODES, Opens, Saver, idle, memory, nothing, ours, small, stock


async def superstep(saver: Saver, runs: int) -> float:
    """Microseconds for one of five supersteps, one session after the other."""
    graph = small().compile(checkpointer=saver)
    took = []
    for _ in range(runs):
        start = time.perf_counter()
        await graph.ainvoke({"text": "hi"}, _thread(), **_durability(saver))
        took.append((time.perf_counter() - start) * 1e6 / len(NODES))
    return statistics.median(took)


async def rate(saver: Saver, sessions: int, in_flight: int = 100) -> float:
    """Sessions of five supersteps in a second, so many at a time."""
    graph, gate = small().compile(checkpointer=saver), asyncio.Semaphore(in_flight)

    async def one() -> None:
        async with gate:
            await graph.ainvoke({"text": "hi"}, _thread(), **_durability(saver))

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(sessions)))
    return sessions / (time.perf_counter() - start)


class Measured(dict[str, list[float]]):
    """What was measured for each saver, by its name, in each round."""

    def median(self, name: str) -> float:
        """A saver's figure."""
        return statistics.median(self[name])

    def ratio(self, name: str, peer: str) -> float:
        """The median of the rounds' ratios: within a round the machine's speed changes least."""
        return statistics.median(one / other for one, other in zip(self[name], self[peer], strict=True))


def compared(folder: Path, measure: Work[float], rounds: int) -> Measured:
    """All savers measured turn by turn, so that a busy moment hits all of them, each in its own process."""
    sides: dict[str, Opens] = {"none": nothing, "idle": idle, "memory": memory, "stock": stock, "ours": ours}
    found = Measured({name: [] for name in sides})
    with ExitStack() as stack:
        savers = {
            name: stack.enter_context(saver_apart(opens, folder / f"{name}.db"))
            for name, opens in sides.items()
        }
        for saver in savers.values():
            saver.run(measure)  # warms up
        for _ in range(rounds):
            for name, saver in savers.items():
                found[name].append(saver.run(measure))
    return found


def _durability(saver: Saver) -> dict[str, Any]:
    return {} if saver is None else {"durability": "async"}


def _thread() -> Any:  # noqa: ANN401  # a RunnableConfig
    return {"configurable": {"thread_id": f"{time.perf_counter_ns()}"}}
