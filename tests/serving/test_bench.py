"""`duograph bench` as a process: table, JSON, resuming, stopping, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from serving.bench import MODES
from tests.processes import alive, descendants, wait_for
from tests.serving.commandline import finish
from tests.serving.terminals import Terminals
from tests.serving.test_terminal import SEQUENCE
from tests.support import ASK, BAD, GOOD, PLAN

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine

TESTS = {"tests": "assert double(2) == 4", "hidden_tests": "assert double(5) == 10"}
CODE = {"content": GOOD, "usage": {"input_tokens": 10, "output_tokens": 5, "cost_usd": 0.25}}
WRONG = {"content": BAD, "usage": {"input_tokens": 10, "output_tokens": 5, "cost_usd": 0.25}}


@pytest.fixture
def tasks(cli: CommandLine) -> str:
    """Three tasks of one kind."""
    return write_tasks(cli, "one", "two", "three")


def write_tasks(cli: CommandLine, *names: str, **fields: str) -> str:
    lines = [json.dumps({"id": name, "prompt": ASK} | TESTS | fields) + "\n" for name in names]
    return cli.write("tasks.jsonl", "".join(lines))


def read_records(cli: CommandLine, name: str = "results.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (cli.folder / name).read_text(encoding="utf-8").splitlines()]


def test_the_table_has_a_row_for_each_mode(cli: CommandLine) -> None:
    done = cli.run("bench", *MODES, "--limit", "1", "--jobs", "2")
    assert done.code == 0
    head, *rows = done.out.splitlines()
    assert head.split()[:3] == ["mode", "right", "accuracy"]
    assert [row.split()[:3] for row in rows] == [[mode, "1/1", "100%"] for mode in MODES]
    assert len({len(line) for line in done.out.splitlines()}) == 1
    assert "\x1b" not in done.out + done.err
    assert "embedded offline model" in done.err
    assert "bench: 4 turns, at most 12 model calls and 0 USD" in done.err
    assert "4/4 " in done.err
    assert not (cli.folder / "home").exists()


def test_json_has_the_figures_and_every_result(cli: CommandLine, tasks: str) -> None:
    models = cli.models([{"content": PLAN}], [CODE, WRONG, CODE])
    done = cli.run("bench", "solo", "--tasks", tasks, "--json", env=models)
    assert done.code == 0
    assert done.json["complete"] is True
    assert done.json["setup"]["coding_model"] == models["DUOGRAPH_CODING_MODEL"]
    (mode,) = done.json["modes"]
    assert (mode["mode"], mode["tasks"], mode["judged"], mode["correct"]) == ("solo", 3, 3, 2)
    assert (mode["calls"], mode["input_tokens"], mode["output_tokens"]) == (3, 30, 15)
    assert mode["cost_usd"] == pytest.approx(0.75)
    assert 0 < mode["low"] < mode["accuracy"] < mode["high"] <= 1
    assert [record["correct"] for record in done.json["results"]] == [True, False, True]
    assert "double(5) == 10" in done.json["results"][1]["problem"]


def test_modes_are_held_against_the_first(cli: CommandLine) -> None:
    models = cli.models(
        [{"content": PLAN}, {"content": "It forgot to multiply.", "repeat": True}], [WRONG, WRONG, CODE]
    )
    tasks = write_tasks(cli, "one")
    done = cli.run("bench", "solo", "full", "solo", "--tasks", tasks, "--json", env=models)
    solo, full = done.json["modes"]
    assert (solo["correct"], full["correct"], full["gained"], full["lost"]) == (0, 1, 1, 0)
    assert (full["repairs"], full["verified"], full["verified_wrong"]) == (1, 1, 0)


def test_a_run_goes_on_where_it_stopped(cli: CommandLine, tasks: str) -> None:
    env = cli.models([{"content": PLAN}], [CODE, WRONG, CODE])
    words = ("bench", "solo", "--tasks", tasks, "--out", "results.jsonl")
    assert cli.run(*words, "--limit", "2", env=env).code == 0
    assert [record["id"] for record in read_records(cli)] == ["one", "two"]
    results = cli.folder / "results.jsonl"
    results.write_text(results.read_text(encoding="utf-8") + '{"mode": "so', encoding="utf-8")  # a torn line
    done = cli.run(*words, "--json", env=env)
    assert (done.code, done.json["modes"][0]["judged"], done.json["modes"][0]["correct"]) == (0, 3, 2)
    assert "bench: 1 turn (2 known from before)" in done.err
    assert [record["id"] for record in read_records(cli)] == ["one", "two", "three"]
    again = cli.run(*words, env=env | {"DUOGRAPH_MAX_MODEL_CALLS": ""})
    assert (again.code, len(read_records(cli))) == (0, 3)
    assert "bench: 0 turns (3 known from before)" in again.err


def test_results_of_other_models_are_refused_and_kept(cli: CommandLine, tasks: str) -> None:
    words = ("bench", "solo", "--tasks", tasks, "--limit", "1", "--out", "results.jsonl")
    assert cli.run(*words).code == 0
    before = (cli.folder / "results.jsonl").read_bytes()
    other = cli.run(*words, env=cli.models([{"content": PLAN}], [CODE]))
    assert other.code == 2
    assert "results.jsonl, line 1 was made with reasoning_model 'offline', and now it is" in other.err
    assert (cli.folder / "results.jsonl").read_bytes() == before


def test_models_that_fail_end_the_run_with_5_and_are_tried_again(cli: CommandLine) -> None:
    tasks = write_tasks(cli, *"abcdef")
    words = ("bench", "solo", "--tasks", tasks, "--out", "results.jsonl")
    failing = cli.models([{"content": PLAN}], [CODE, {"error": "auth", "repeat": True}])
    done = cli.run(*words, env=failing)
    assert done.code == 5
    assert done.out.splitlines()[1].split()[:3] == ["solo", "1/1", "100%"]
    assert "stopped: in the last 3 turns no model answered" in done.err
    assert "not judged: solo b: " in done.err
    assert [record["correct"] for record in read_records(cli)] == [True, None, None, None]
    mended = cli.models([{"content": PLAN}], [CODE | {"repeat": True}])
    done = cli.run(*words, "--json", env=mended)
    assert (done.code, done.json["modes"][0]["correct"], done.json["complete"]) == (0, 6, True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("words", [(), ("--json",)])
def test_ctrl_c_prints_what_was_done_and_leaves_no_process(
    cli: CommandLine, tasks: str, words: tuple[str, ...]
) -> None:
    endless = {"content": "```python solution.py\nwhile True:\n    pass\n```"}
    env = cli.models([{"content": PLAN}], [CODE, endless]) | {"DUOGRAPH_VERIFY_TIMEOUT_S": "300"}
    process = cli.start("bench", "solo", "--tasks", tasks, "--out", "results.jsonl", *words, env=env)
    wait_for(lambda: (cli.folder / "results.jsonl").exists() and bool(descendants(process.pid)), "judging")
    below = descendants(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    done = finish(process)
    assert done.code == 130
    assert done.err.splitlines()[-1] == "duograph: interrupted; go on with the same command"
    assert "Traceback" not in done.err
    if words:
        assert done.json["complete"] is False
        assert [record["id"] for record in done.json["results"]] == ["one"]
    else:
        assert done.out.splitlines()[1].split()[:2] == ["solo", "1/1"]
    wait_for(lambda: not any(map(alive, below)), "the sandbox's end")
    assert list(Path(cli.folder, "scratch").iterdir()) == []


def test_without_a_sandbox_no_model_is_asked(cli: CommandLine, tasks: str) -> None:
    nowhere = {"DUOGRAPH_SANDBOX": "bubblewrap", "PATH": "/nonexistent"}
    done = cli.run("bench", "solo", "--tasks", tasks, "--json", env=nowhere)
    assert (done.code, done.json["error"]["type"]) == (2, "NoSandboxError")
    assert "bwrap" in done.json["error"]["message"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bench"], "Missing argument 'MODE...'"),
        (["bench", "duo"], "'duo' is not one of"),
        (["bench", "solo", "--limit", "0"], "'0' is not a whole number from 1"),
        (["bench", "solo", "--tasks", "tasks.jsonl"], "tasks.jsonl, line 1: Invalid JSON"),
        (["bench", "solo", "--out", "none/results.jsonl"], "--out none/results.jsonl cannot be written"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_2(cli: CommandLine, words: list[str], message: str) -> None:
    cli.write("tasks.jsonl", "{\n")
    done = cli.run(*words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err


def test_tasks_can_come_from_standard_input(cli: CommandLine) -> None:
    line = json.dumps({"id": "one", "prompt": ASK} | TESTS)
    env = cli.models([{"content": PLAN}], [CODE])
    assert cli.run("bench", "solo", "--tasks", "-", "--json", stdin=line, env=env).json["complete"] is True


def test_on_a_terminal_a_bar_shows_the_way_and_what_was_wrong(
    cli: CommandLine, terminals: Terminals, tasks: str
) -> None:
    env = cli.models([{"content": PLAN}], [CODE, WRONG, CODE])
    terminal = terminals.start("bench", "solo", "--tasks", tasks, env=env)
    assert terminal.end() == 0
    seen = SEQUENCE.sub("", terminal.seen)
    assert "3/3" in seen
    assert "solo two ✗" in seen
    assert "solo one ✓" not in seen
    assert "solo    2/3       67%" in seen


def test_a_reader_that_leaves_ends_it_quietly(cli: CommandLine, tasks: str) -> None:
    env = cli.models([{"content": PLAN}], [CODE | {"repeat": True}])
    process = cli.start("bench", "solo", "--tasks", tasks, stdin=subprocess.DEVNULL, env=env)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    done = finish(process)
    assert done.code == 141
    assert "Traceback" not in done.err
