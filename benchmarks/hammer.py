"""Several processes take turns on a few shared threads of one session file: ours, and LangGraph's saver.

Each turn adds one entry to its thread. Afterwards every turn that a process was told of must stand in its
thread once, the file must be whole, and nobody may have seen an error. LangGraph's saver keeps no turns
apart, so it is shown without a lock, as it comes. Exit code 1 when ours lost or refused anything.
"""

import argparse
import json
import operator
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from checkpoints import open_saver

THREADS = 3
"""Shared by all processes: fewer threads, more waiting."""

SIDES = ("stock", "ours")

Hold = Callable[[str], AbstractContextManager[None]]


class State(TypedDict):
    """What a thread remembers: the turns that it was given."""

    entries: Annotated[list[str], operator.add]
    step: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one side.

    Attributes:
        side: Whose saver.
        processes: How many.
        turns: That ended, as the processes saw it.
        lost: Of those, how many do not stand in their thread.
        doubled: How many stand there more than once.
        errors: Turns that ended in an exception.
        first_error: The first one's words.
        turns_per_s: Ended turns in a second, of all processes.
        is_whole: Whether the file passes SQLite's own check.
    """

    side: str
    processes: int
    turns: int
    lost: int
    doubled: int
    errors: int
    first_error: str
    turns_per_s: float
    is_whole: bool

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled or refused."""
        return self.is_whole and self.turns > 0 and not (self.lost or self.doubled or self.errors)


def build(saver: BaseCheckpointSaver[Any]) -> CompiledStateGraph[State, None, State, State]:
    """Three nodes that do next to nothing."""
    builder = StateGraph(State)
    for number, name in enumerate(("one", "two", "three")):
        builder.add_node(name, lambda _state, number=number: {"step": number})
    builder.add_edge(START, "one")
    builder.add_edge("one", "two")
    builder.add_edge("two", "three")
    builder.add_edge("three", END)
    return builder.compile(checkpointer=saver)


@contextmanager
def opened(side: str, path: Path) -> Iterator[tuple[BaseCheckpointSaver[Any], Hold]]:
    """The saver of a side, and how a turn of it holds its thread."""
    if side == "ours":
        with open_saver(path) as saver:
            yield saver, saver.locks.hold
    else:
        with closing(sqlite3.connect(path, check_same_thread=False)) as conn:
            yield SqliteSaver(conn), lambda _thread: nullcontext()


def work(side: str, path: Path, log: Path, seconds: float, seed: int) -> None:
    """Take turns until the time is up, and note each that ended, and each error."""
    chance, until, number = random.Random(seed), time.monotonic() + seconds, 0  # noqa: S311  # no secret
    with opened(side, path) as (saver, hold), log.open("a") as notes:
        graph = build(saver)
        while time.monotonic() < until:
            thread, entry, number = f"t{chance.randrange(THREADS)}", f"{seed}-{number}", number + 1
            config: RunnableConfig = {"configurable": {"thread_id": thread}}
            try:
                with hold(thread):
                    graph.invoke({"entries": [entry], "step": 0}, config)
                notes.write(json.dumps([thread, entry]) + "\n")
            except Exception as error:  # noqa: BLE001  # whatever a user would see
                notes.write(json.dumps({"error": f"{type(error).__name__}: {error}"}) + "\n")


def work_apart(side: str, path: Path, seconds: float, logs: list[Path]) -> int:
    """Take turns in a process for each log, and give an exit code.

    They are forked, so that LangGraph is imported once and all of them begin at the same time.
    """
    forks: list[int] = []
    for log in logs[1:]:
        if (fork := os.fork()) == 0:
            logs, forks = [log], []
            break
        forks.append(fork)
    work(side, path, logs[0], seconds, int(logs[0].stem))
    return max((os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) != 0 for fork in forks), default=False)


def hammer(side: str, processes: int, seconds: float) -> Outcome:
    """Let some processes work on one new file, and look at what is left."""
    with tempfile.TemporaryDirectory(prefix="hammer-") as name:
        path, logs = Path(name) / "sessions.sqlite", [Path(name) / f"{seed}.log" for seed in range(processes)]
        with opened(side, path) as (saver, _hold):
            saver.get_tuple({"configurable": {"thread_id": "t0", "checkpoint_ns": ""}})  # makes the tables
        words = [sys.executable, "-m", "benchmarks.hammer", "--work", side, str(path), str(seconds)]
        together = [logs] if sys.platform == "linux" else [[log] for log in logs]
        others = [subprocess.Popen([*words, *map(str, some)]) for some in together]
        codes = [other.wait() for other in others]
        notes = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
        ended = [(note[0], note[1]) for note in notes if isinstance(note, list)]
        errors = [note["error"] for note in notes if isinstance(note, dict)]
        errors += [f"a process ended with exit code {code}" for code in codes if code]
        with opened(side, path) as (saver, _hold):
            kept = Counter(_entries(saver))
        with closing(sqlite3.connect(path)) as conn:
            is_whole = conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return Outcome(
        side,
        processes,
        len(ended),
        sum(kept[turn] == 0 for turn in ended),
        sum(kept[turn] > 1 for turn in ended),
        len(errors),
        errors[0] if errors else "",
        round(len(ended) / seconds, 1),
        is_whole,
    )


def _entries(saver: BaseCheckpointSaver[Any]) -> Iterator[tuple[str, str]]:
    graph = build(saver)
    for number in range(THREADS):
        values = graph.get_state({"configurable": {"thread_id": f"t{number}"}}).values
        for entry in values.get("entries", ()):
            yield f"t{number}", entry


def main() -> int:
    """Hammer, print, and give the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 8])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--work", nargs="+", metavar=("SIDE FILE SECONDS LOG", "LOG"))
    given = parser.parse_args()
    if given.work:
        side, path, seconds, *logs = given.work
        return work_apart(side, Path(path), float(seconds), list(map(Path, logs)))
    found = [hammer(side, processes, given.seconds) for processes in given.processes for side in SIDES]
    if given.json:
        print(json.dumps([asdict(outcome) for outcome in found]))
    else:
        for outcome in found:
            print(
                f"{outcome.side:6} {outcome.processes} processes: {outcome.turns} turns "
                f"({outcome.turns_per_s}/s), {outcome.lost} lost, {outcome.doubled} doubled, "
                f"{outcome.errors} errors {outcome.first_error}"
            )
    return 0 if all(outcome.is_good for outcome in found if outcome.side == "ours") else 1


if __name__ == "__main__":
    sys.exit(main())
