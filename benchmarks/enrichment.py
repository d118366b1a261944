"""What learning behind the answer costs the answer: a row in a queue, and nothing of the learning itself.

A turn that leaves a job in a queue that nobody works on is the base; it stands there twice, which shows the
noise. Beside it: turns while this process's worker waits, is busy, hangs or fails, and turns that leave no
job. The busy worker has a long queue, of another user, and a model that takes half a second an answer, so
that it always has a job at hand. Turns of agents that differ only in this are taken one after another, round
by round, so that a busy moment of the machine hits all of them. The models are scripted and answer at once;
the sandbox runs nothing. The ratio is of the times that a fifth of the turns stay below, as what else runs
on the machine hits the rest. Last stands what putting one job on the queue takes by itself. The exit code is
1 when an answer beside a worker takes more than 1.15 times the base beyond that noise, or when the queue
adds more than 2 ms.
"""

import asyncio
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.measure import Row, arguments, show
from graph.agent import Agent
from graph.settings import Settings
from memory.queue import FinishedTurn, open_jobs

MOST_RATIO = 1.15
MOST_MS = 2.0
BACKLOG = 1_000
PAUSE_S = 0.3
SAID = {"insights": [{"text": "The user likes tabs.", "confidence": 0.8}], "patterns": []}

ALONE = "no worker"
BACKGROUNDS: dict[str, Mapping[str, object] | None] = {
    f"{ALONE}, jobs wait": {},
    f"{ALONE}, again": {},
    "the worker waits for jobs": {"content": json.dumps(SAID)},
    "the worker is busy": {"content": json.dumps(SAID), "delay_s": 0.5},
    "the worker hangs": {"content": "{}", "delay_s": 600},
    "the worker fails": {"error": "auth"},
    "no job is left": None,
}


def turn(number: int) -> FinishedTurn:
    """A turn of a usual length."""
    return FinishedTurn(session="s", turn=str(number), request="question " * 40, answer="answer " * 400)


def settings_of(folder: Path, background: Mapping[str, object] | None) -> Settings:
    """The settings of an agent in a folder of its own."""
    folder.mkdir()
    (folder / "solo.jsonl").write_text(json.dumps({"content": "An answer.", "repeat": True}) + "\n")
    said = {"content": "", **(background or {}), "repeat": True}
    (folder / "background.jsonl").write_text(json.dumps(said) + "\n")
    return Settings(
        home=folder,
        solo_model=f"scripted:{folder / 'solo.jsonl'}",
        background_model=f"scripted:{folder / 'background.jsonl'}",
        enrichment="off" if background is None else "worker",
        user_settings=False,
        recall_tokens=0,  # what was learned is found again, which is another matter
    )


def serve(side: str, folder: Path, pipe: Connection) -> None:
    """Take a turn each time it is asked to, and say how many milliseconds that took."""
    logging.disable()  # a worker that fails says so for each job
    settings = settings_of(folder, BACKGROUNDS[side])
    with Agent(settings) as agent:
        if ALONE in side and agent.background is not None:
            agent.background.worker.close(0)  # the jobs go on being queued
        agent.ask("What is a monad?")
        if "busy" in side:
            asyncio.run(fill(settings.database_path, BACKLOG))
        pipe.send(0.0)
        while pipe.recv():
            start = time.perf_counter()
            agent.ask("What is a monad?")
            pipe.send((time.perf_counter() - start) * 1000)
        if agent.background is not None:
            agent.background.close(0)


@contextmanager
def asking(folder: Path) -> Iterator[dict[str, Connection]]:
    """A process for each side: in one, the worker of one side would slow the next side down."""
    context, pipes, processes = get_context("spawn"), {}, []
    for number, side in enumerate(BACKGROUNDS):
        pipes[side], theirs = context.Pipe()
        process = context.Process(target=serve, args=(side, folder / str(number), theirs), daemon=True)
        process.start()
        processes.append(process)
    for pipe in pipes.values():
        pipe.recv()
    yield pipes
    for pipe in pipes.values():
        pipe.send("")
    for process in processes:
        process.join()


def taken(pipes: Mapping[str, Connection], repeat: int) -> list[Row]:
    """Take a turn on each side again and again, after a while in which the last one's job is done."""
    times: dict[str, list[float]] = {side: [] for side in pipes}
    for _ in range(repeat):
        for side, pipe in pipes.items():
            time.sleep(PAUSE_S)
            pipe.send("go on")
            times[side].append(pipe.recv())
    undisturbed = {side: sorted(took)[len(took) // 5] for side, took in times.items()}
    base = next(iter(undisturbed.values()))
    return [
        Row(
            side,
            round(statistics.median(took), 1),
            round(sorted(took)[int(0.95 * (len(took) - 1))], 1),
            round(undisturbed[side] / base, 2),
        )
        for side, took in times.items()
    ]


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
    options = arguments("Learning behind the answer.", repeat=40)
    with tempfile.TemporaryDirectory() as name:
        with asking(Path(name)) as pipes:
            rows = taken(pipes, options.repeat)
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
    noise = max(row.ratio for row in rows if row.name.startswith(ALONE))
    return enqueue_ms > MOST_MS or any(row.ratio > MOST_RATIO * noise for row in rows)


if __name__ == "__main__":
    main()
