"""How a turn's time grows with the conversation: turn 500 beside turn 10, both in the same second."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from langchain_core.messages import HumanMessage

from benchmarks.session_shapes import Conversation, Opens, conversation, part, text

WORDS = text(20_000)

Turn: TypeAlias = Callable[[], Coroutine[Any, Any, float]]
"""Takes the next turn of its thread; gives milliseconds."""

_EARLY = (5, 25)
_LATE_IN_A_PAIR = 5


@dataclass(frozen=True, slots=True)
class Growth:
    """What a late turn takes beside an early one.

    Attributes:
        early: Milliseconds of turns 6 to 25; the median of the pairs.
        late: The same of the late ones.
        ratio: Median of the pairs' ratios.
    """

    early: float
    late: float
    ratio: float


async def growth(  # noqa: PLR0913  # each is a choice of its own
    opens: Opens,
    folder: Path,
    schema: type = Conversation,
    *,
    late: int,
    pairs: int,
    pause_s: float = 0.0,
) -> Growth:
    """Take the early turns of a new thread and a few late ones of a long one by turns.

    A machine that gets slower or faster meanwhile, as most do by half, hits both.

    Args:
        opens: The saver.
        folder: Where its files go.
        schema: The graph's state.
        late: The turn in the middle of the late ones.
        pairs: How often the two are taken.
        pause_s: Seconds between two turns, in which somebody reads the answer.
    """
    found: list[tuple[float, float]] = []
    async with opens(folder / "long.db") as saver:
        long = turns(saver, schema)
        for _ in range(late - pairs * _LATE_IN_A_PAIR // 2):
            await long()
        for number in range(pairs):
            async with opens(folder / f"short{number}.db") as beside:
                early = await _median(turns(beside, schema), pause_s, range(*_EARLY), _EARLY[0])
            found.append((early, await _median(long, pause_s, range(_LATE_IN_A_PAIR))))
    early, last = (statistics.median(side) for side in zip(*found, strict=True))
    return Growth(early, last, statistics.median(one / other for other, one in found))


def turns(saver: Any, schema: type = Conversation) -> Turn:  # noqa: ANN401  # any of LangGraph's
    """A thread of 1 KB questions on five nodes."""
    graph = conversation(schema).compile(checkpointer=saver)
    config: Any = {"configurable": {"thread_id": "t"}}

    async def turn() -> float:
        asked = HumanMessage(part(WORDS, 1000))
        start = time.perf_counter()
        await graph.ainvoke({"messages": [asked]}, config, durability="async")
        return (time.perf_counter() - start) * 1000

    return turn


async def _median(turn: Turn, pause_s: float, measured: Sequence[int], before: int = 0) -> float:
    for _ in range(before):
        await turn()
    took = []
    for _ in measured:
        took.append(await turn())
        if pause_s:
            await asyncio.sleep(pause_s)
    return statistics.median(took)
