"""Every limit from the command line: it strikes, the turn still answers, and the exit code is 3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nodes import Bounds, Result
from tests.processes import descendants, wait_for
from tests.support import ASK, GOOD, PLAN

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine

ENDLESS = "```python solution.py\nwhile True:\n    pass\n```"
USAGE = {"input_tokens": 50, "output_tokens": 50, "cost_usd": 0.5}
PLANNED: dict[str, Any] = {"content": PLAN, "usage": USAGE}
WRITTEN: dict[str, Any] = {"content": GOOD, "usage": USAGE}
UNPRICED = "openai:mystery@https://models.example.invalid/v1"
ROWS = ["supersteps", "model calls", "tool calls", "sandbox runs", "seconds", "cost", "cycle"]


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--max-model-calls", "1", "model_call_limit"),
        ("--max-input-tokens", "1", "token_limit"),
        ("--max-output-tokens", "50", "token_limit"),
        ("--max-cost-usd", "0.5", "cost_limit"),
    ],
)
def test_each_limit_ends_the_turn_with_an_answer(
    cli: CommandLine, option: str, value: str, reason: str
) -> None:
    done = cli.run("ask", ASK, "--json", option, value, env=cli.models([PLANNED], [WRITTEN]))
    result = Result.model_validate(done.json)
    assert (done.code, result.status, result.stop_reason) == (3, "limit", reason)
    setting = option.removeprefix("--").replace("-", "_")
    assert f"`{setting}`" in result.answer
    assert len(result.calls) <= 1


def test_a_deadline_ends_a_model_call_and_the_session_goes_on(cli: CommandLine) -> None:
    slow = cli.models([{"content": PLAN, "delay_s": 600}])
    done = cli.run("ask", ASK, "--thread", "late", "--turn-timeout", "0.5", "--json", env=slow)
    result = Result.model_validate(done.json)
    assert (done.code, result.stop_reason) == (3, "deadline")
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert result.bounds.used.seconds <= result.bounds.seconds
    again = cli.run("ask", ASK, "--thread", "late", env=cli.models([PLANNED], [WRITTEN]))
    assert again.code == 0


def test_a_deadline_ends_an_endless_run_in_the_sandbox_and_keeps_the_files(cli: CommandLine) -> None:
    endless = cli.models([{"content": PLAN}], [{"content": ENDLESS}])
    process = cli.start(
        "ask",
        ASK,
        "--turn-timeout",
        "2",
        "--json",
        env=endless | {"DUOGRAPH_VERIFY_TIMEOUT_S": "300"},
    )
    wait_for(lambda: bool(descendants(process.pid)), "the sandbox")
    out, err = process.communicate(timeout=60)
    result = Result.model_validate(json.loads(out))
    assert (process.returncode, result.stop_reason) == (3, "deadline"), err.decode()
    assert "while True" in result.files[0].content
    assert list(Path(cli.folder, "scratch").iterdir()) == []


def test_a_piped_chat_gives_the_exit_code_of_the_turn_that_a_limit_ended(cli: CommandLine) -> None:
    models = cli.models([{"content": "late", "delay_s": 600}, {"content": "in time"}])
    done = cli.run("chat", "--turn-timeout", "0.5", stdin="What is one?\nWhat is two?\n", env=models)
    assert done.code == 3
    assert "`turn_timeout_s`" in done.out
    assert done.out.endswith("in time\n")


def test_explain_says_the_bound_and_what_is_not_metered_and_runs(cli: CommandLine) -> None:
    chain = cli.script("first", [{"content": "an answer"}]) + f",{UNPRICED}"
    words = ("ask", "What is this?", "--explain", "--max-cost-usd", "1", "--reasoning-model", chain)
    env = {"OPENAI_API_KEY": "x", "DUOGRAPH_CODING_MODEL": "offline", "DUOGRAPH_SPECIALIST_TOOLS": "0"}
    done = cli.run(*words, env=env)
    assert (done.code, done.out) == (0, "an answer\n")
    said = done.err.splitlines()
    assert said[0] == (
        f"duograph: the money limit does not cover {UNPRICED}: the price is unknown; "
        "limit tokens or model calls as well."
    )
    assert said[1].startswith("at most: supersteps ")
    assert said.index("classify …") == 1 + len(ROWS)


def test_bounds_as_json_are_those_of_the_result_and_open_no_session(cli: CommandLine) -> None:
    models = cli.models([PLANNED, {"content": "VERDICT: PASS"}], [WRITTEN])
    limits = ("--max-repairs", "1", "--max-cost-usd", "3")
    bounds = Bounds.model_validate(cli.run("bounds", "--json", *limits, env=models).json)
    assert (bounds.cycles[0].nodes, bounds.cycles[0].limit) == (["code", "verify", "review"], 1)
    assert not (cli.folder / "home").exists()
    result = Result.model_validate(cli.run("ask", ASK, "--json", *limits, env=models).json)
    assert result.bounds is not None
    assert result.bounds.model_copy(update={"used": None}) == bounds
