"""What a small verification costs beside running the same file, the same tests and the same lint bare.

Each target of the project is printed with its figure from this run; see README.md here on reading them.
"""

import asyncio
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.measure import Row, arguments, compare, show
from sandbox import Limits, NonoSandbox, Sandbox, SourceFile, Unavailable, Verifier, open_sandbox
from sandbox.interpreter import interpreter_path, ruff_path

CODE = "def double(x: int) -> int:\n    return 2 * x\n"
TESTS = "assert double(2) == 4\nassert double(-1) == -2\n"
FILES = [SourceFile(path="solution.py", content=CODE)]
BATCH = 120
"""Solutions in one run of `duograph verify --jsonl`."""

FILE, PYTEST, RUFF, LADDER = "python file.py", "python -m pytest", "ruff check", "verify, whole ladder"
OUTSIDE, INSIDE = "command, bare", "command, in the sandbox"


@dataclass(frozen=True, slots=True)
class Target:
    """One promise and what this run saw of it."""

    name: str
    seen: float
    target: str
    met: bool


def run(folder: str, *command: str) -> Callable[[], object]:
    """A call that runs `command` in `folder`; pytest without the plugins that happen to be installed."""
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return lambda: subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


def sides(runner: asyncio.Runner, sandbox: Sandbox, folder: str) -> dict[str, Callable[[], object]]:
    """What is timed, turn by turn."""
    lines = CODE + TESTS
    (Path(folder) / "both.py").write_text(lines)
    (Path(folder) / "test_both.py").write_text(
        CODE + "def test_both():\n    " + TESTS.replace("\n", "\n    ")
    )
    verifier = Verifier(sandbox)
    alone = [interpreter_path(), "-I", "-S", "-B", "both.py"]
    return {
        FILE: run(folder, sys.executable, "both.py"),
        PYTEST: run(folder, sys.executable, "-m", "pytest", "-q", "test_both.py"),
        RUFF: run(folder, ruff_path() or "ruff", "check", "--isolated", "--no-cache", "both.py"),
        LADDER: lambda: runner.run(verifier.verify(FILES, tests=TESTS)),
        OUTSIDE: run(folder, *alone),
        INSIDE: lambda: runner.run(sandbox.run(alone, folder=Path(folder), limits=Limits())),
    }


def batch() -> tuple[float, float]:
    """Send many solutions through `duograph verify --jsonl`.

    Returns:
        Solutions per second from the first answer to the last, and milliseconds of processor time for each,
        the start of the program included.
    """
    program = str(Path(sys.executable).parent / "duograph")
    lines = "".join(f"{json.dumps({'id': n, 'code': CODE, 'tests': TESTS})}\n" for n in range(BATCH))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [program, "verify", "--jsonl"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout  # noqa: S101, PT018 - they are pipes
        process.stdin.write(lines)
        process.stdin.close()
        times = []
        for line in process.stdout:
            times.append(time.perf_counter())
            if json.loads(line)["status"] != "verified":
                raise RuntimeError(line)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (len(times) - 1) / (times[-1] - times[0]), used * 1000 / len(times)


def used_s() -> float:
    """Seconds of processor time of this program and of all that it started and that has ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in both)


def cpu_ms(runner: asyncio.Runner, folder: str, name: str, repeat: int) -> float:
    """Milliseconds of processor time of one side; with a sandbox of its own, whose start is shared out."""

    def play() -> None:
        call = sides(runner, NonoSandbox(), folder)[name]
        for _ in range(repeat):
            call()

    before = used_s()
    play()
    # What the sandbox started counts when it has ended.
    gc.collect()
    return round((used_s() - before) * 1000 / repeat, 1)


def targets(rows: list[Row], cpu: dict[str, float], rate: float) -> list[Target]:
    """Hold the figures against what the project promises for two cores."""
    median = {row.name: row.median_ms for row in rows}
    added = round(median[INSIDE] - median[OUTSIDE], 1)
    added_cpu = round(cpu[INSIDE] - cpu[OUTSIDE], 1)
    ladder = round(median[LADDER] / (median[FILE] + median[RUFF]), 2)
    return [
        Target("the sandbox adds, ms", added, "at most 10", added <= 10),  # noqa: PLR2004
        Target("the same in processor time", added_cpu, "at most 10", added_cpu <= 10),  # noqa: PLR2004
        Target("ladder / (file.py + ruff)", ladder, "at most 2.5", ladder <= 2.5),  # noqa: PLR2004
        Target("batch, solutions/s", round(rate, 1), "at least 30", rate >= 30),  # noqa: PLR2004
    ]


def main() -> None:
    """Compare and print."""
    options = arguments("A small verification.", repeat=30)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        sandbox = runner.run(open_sandbox())
        if isinstance(sandbox, Unavailable):
            raise SystemExit(f"no sandbox: {sandbox.reason}")
        rows = compare(sides(runner, sandbox, folder), repeat=options.repeat)
        cpu = {
            row.name: cpu_ms(runner, folder, row.name, options.repeat) for row in rows if row.name != PYTEST
        }
    rates, used = zip(*(batch() for _ in range(max(1, options.repeat // 10))), strict=True)
    found = targets(rows, cpu, statistics.median(rates))
    if options.json:
        facts = {"rows": [asdict(row) for row in rows], "targets": [asdict(each) for each in found]}
        print(json.dumps(facts | {"cpu_ms": cpu, "solutions_per_s": rates, "cpu_ms_per_solution": used}))
        return
    show(rows, as_json=False)
    print(f"\nms of processor time: {', '.join(f'{name} {took}' for name, took in cpu.items())}")
    print(f"\n`duograph verify --jsonl`, {BATCH} solutions each time:")
    for rate, took in zip(rates, used, strict=True):
        print(f"{rate:.1f} solutions/s, {took:.1f} ms of processor time each")
    print()
    for each in found:
        print(f"{each.name:26} {each.seen:6}  {each.target:12} {'met' if each.met else 'missed'}")


if __name__ == "__main__":
    main()
