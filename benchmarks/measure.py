"""What the benchmarks share: interleaved repetition, medians, and one way to print a comparison."""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One side of a comparison, in milliseconds."""

    name: str
    median_ms: float
    p95_ms: float
    ratio: float


def compare(sides: Mapping[str, Callable[[], object]], *, repeat: int) -> list[Row]:
    """Time each side `repeat` times, turn by turn, so that a busy moment hits all of them.

    Args:
        sides: What to time by name; the first is the peer that the others are held against.
        repeat: How often.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    for side in sides.values():
        side()  # warm the file cache
    for _ in range(repeat):
        for name, side in sides.items():
            start = time.perf_counter()
            side()
            times[name].append((time.perf_counter() - start) * 1000)
    base = statistics.median(next(iter(times.values())))
    return [
        Row(
            name,
            round(statistics.median(took), 1),
            round(sorted(took)[int(0.95 * (len(took) - 1))], 1),
            round(statistics.median(took) / base, 2),
        )
        for name, took in times.items()
    ]


def arguments(description: str, *, repeat: int) -> argparse.Namespace:
    """The options that every benchmark takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--repeat", type=int, default=repeat, help=f"repetitions of each side ({repeat})")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def show(rows: list[Row], *, as_json: bool) -> None:
    """Print a comparison."""
    if as_json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    width = max(len(row.name) for row in rows)
    print(f"{'':{width}}  median ms  p95 ms  ratio")
    for row in rows:
        print(f"{row.name:{width}}  {row.median_ms:9}  {row.p95_ms:6}  {row.ratio:5}")
