"""What learning behind the answer costs the answer: nothing, whether its worker is busy, hangs or fails.

The busy worker has a long queue, of another user, and a model that takes half a second an answer, so that
it always has a job at hand. What does not learn stands there twice, which shows the noise. Turns of agents
that differ only in who learns are taken one after another, round by round, so that a busy moment of the
machine hits all of them. The models are scripted and answer at once; the sandbox runs nothing. Beside it
stands what putting one job on the queue takes. The exit code is 1 when an answer's median is more than 1.15
times that without learning beyond that noise, or when the queue adds more than 2 ms.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, arguments, compare, show
from graph.agent import Agent
from graph.settings import Settings
from memory.queue import FinishedTurn, open_jobs

MOST_RATIO = 1.15
MOST_MS = 2.0
BACKLOG = 1_000
SAID = {"insights": [{"text": "The user likes tabs.", "confidence": 0.8}], "patterns": []}

BACKGROUNDS: dict[str, dict[str, Any] | None] = {
    "nobody learns": None,
    "nobody learns, again": None,
    "the worker waits for jobs": {"content": json.dumps(SAID)},
    "the worker is busy": {"content": json.dumps(SAID), "delay_s": 0.5},
    "the worker hangs": {"content": "{}", "delay_s": 600},
    "the worker fails": {"error": "auth"},
}


def turn(number: int) -> FinishedTurn:
    """A turn of a usual length."""
    return FinishedTurn(session="s", turn=str(number), request="question " * 40, answer="answer " * 400)


@contextmanager
def agent(folder: Path, background: dict[str, Any] | None, *, backlog: int) -> Iterator[Callable[[], object]]:
    """An agent of its own, and a call that takes one turn with it."""
    folder.mkdir()
    (folder / "solo.jsonl").write_text(json.dumps({"content": "An answer.", "repeat": True}) + "\n")
    (folder / "background.jsonl").write_text(
        json.dumps((background or {"content": ""}) | {"repeat": True}) + "\n"
    )
    settings = Settings(
        home=folder,
        solo_model=f"scripted:{folder / 'solo.jsonl'}",
        background_model=f"scripted:{folder / 'background.jsonl'}",
        enrichment="worker" if background else "off",
        user_settings=False,
    )
    with Agent(settings) as open_agent:
        open_agent.ask("What is a monad?")
        if backlog:
            asyncio.run(fill(settings.database_path, backlog))
        yield lambda: open_agent.ask("What is a monad?")
        if open_agent.background is not None:
            open_agent.background.close(0)


async def fill(target: str | Path, count: int) -> list[float]:
    """Enqueue jobs and give the milliseconds that each took."""
    jobs, took = open_jobs(target), []
    for number in range(count):
        given = turn(number)
        start = time.perf_counter()
        await jobs.enqueue("enrich", "somebody else", given.key, given.payload())
        took.append((time.perf_counter() - start) * 1000)
    await jobs.aclose()
    return took[1:]  # the first one makes the table


def main() -> None:
    """Compare and print."""
    options = arguments("Learning behind the answer.", repeat=120)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        sides = {}
        for number, (side, background) in enumerate(BACKGROUNDS.items()):
            backlog = BACKLOG if "busy" in side else 0
            sides[side] = stack.enter_context(agent(Path(name, str(number)), background, backlog=backlog))
        rows = compare(sides, repeat=options.repeat)
        took = asyncio.run(fill(Path(name, "queue.sqlite"), 501))
    median, p95 = statistics.median(took), sorted(took)[int(0.95 * (len(took) - 1))]
    if options.json:
        queue = {"median_ms": round(median, 3), "p95_ms": round(p95, 3)}
        print(json.dumps({"answers": [asdict(row) for row in rows], "enqueue": queue}))
    else:
        show(rows, as_json=False)
        print(f"\nenqueue: median {median:.2f} ms, p95 {p95:.2f} ms")
    sys.exit(is_missed(rows, median))


def is_missed(rows: list[Row], enqueue_ms: float) -> bool:
    """Whether a target is missed."""
    noise = max(row.ratio for row in rows if row.name.startswith("nobody"))
    return enqueue_ms > MOST_MS or any(row.ratio > MOST_RATIO * noise for row in rows)


if __name__ == "__main__":
    main()
