"""Plans that wait for approval, without a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import ASK, GOOD, PLAN

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine

PASS = {"content": "VERDICT: PASS"}


def test_a_plan_waits_is_shown_again_and_is_approved_later(cli: CommandLine) -> None:
    models = cli.models([{"content": PLAN}, PASS], [{"content": GOOD}])
    asked = cli.run("ask", ASK, "--approve-plan", "--thread", "w", "--json", env=models)
    assert (asked.code, asked.json["status"], asked.json["stop_reason"]) == (6, "waiting", "plan_approval")
    assert (asked.json["plan"], asked.json["written"]) == (PLAN, [])
    assert "duograph resume w --approve" in asked.json["answer"]
    shown = cli.run("resume", "w", env=models)
    assert shown.code == 6
    assert "Multiply by two." in shown.out
    done = cli.run("resume", "w", "--approve", "--json", "--out", "out", env=models)
    assert (done.code, done.json["verification"]["status"]) == (0, "verified")
    assert done.json["written"] == [str(cli.folder / "out" / "solution.py")]
    again = cli.run("resume", "w", "--approve", "--json", env=models)
    assert again.code == 2
    assert "No plan waits for approval in session w" in again.json["error"]["message"]


def test_a_plan_is_edited_from_a_file_or_standard_input_or_rejected(cli: CommandLine) -> None:
    models = cli.models([{"content": PLAN}, PASS], [{"content": GOOD}])
    edited = "Other words.\n\n```python acceptance\nassert double(5) == 10\n```\n"
    cli.run("ask", ASK, "--approve-plan", "--thread", "w", env=models)
    done = cli.run("resume", "w", "--edit", "-", "--json", stdin=edited, env=models)
    assert (done.code, done.json["plan"]) == (0, "Other words.")
    cli.run("ask", ASK, "--approve-plan", "--thread", "v", env=models)
    rejected = cli.run("resume", "v", "--reject", "--reason", "too clever", env=models)
    assert (rejected.code, rejected.out) == (4, "The plan was rejected, so no code was written: too clever\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--approve", "--reject"), "give one of --approve"),
        (("--reason", "x"), "--reason goes with --reject"),
        (("--edit", "gone.md"), "The plan file gone.md cannot be read"),
        (("--edit", "empty.md"), "The plan file empty.md is empty"),
        (
            ("--edit", "bad.md"),
            "the plan's acceptance tests, line 1: '(' was never closed; mend them in the plan.\n",
        ),
        (("--approve", "--out", ""), "--out is empty: name a folder, or . for this one.\n"),
        (("--approve", "--force"), "--force goes with --out"),
        ((), "No session has the id 'w'"),
    ],
)
def test_an_answer_that_cannot_be_used_is_exit_code_2(
    cli: CommandLine, words: tuple[str, ...], message: str
) -> None:
    cli.write("empty.md", " \n")
    cli.write("bad.md", "```python acceptance\nassert (\n```\n")
    done = cli.run("resume", "w", *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_chat_from_a_pipe_answers_by_commands(cli: CommandLine) -> None:
    models = cli.models([{"content": PLAN}, PASS], [{"content": GOOD}])
    cli.write("plan.md", "Mine.\n\n```python acceptance\nassert double(7) == 14\n```\n")
    lines = f"/save out\n/approve\n{ASK}\n/edit plan.md\n/save out\n"
    done = cli.run("chat", "--approve-plan", stdin=lines, env=models)
    assert "This session has no solution yet" in done.err
    assert "No plan waits for approval" in done.err
    assert "the plan waits: /approve" in done.err
    assert "acceptance 1/1" in done.out
    assert "2 * x" in (cli.folder / "out" / "solution.py").read_text(encoding="utf-8")
    assert done.code == 2  # of the first line
    left = cli.run("chat", "--approve-plan", stdin=f"{ASK}\n", env=models)
    assert left.code == 6


def test_a_turn_goes_on_with_the_models_that_it_was_asked_with(cli: CommandLine) -> None:
    models = cli.models([{"content": PLAN}, PASS], [{"content": GOOD}])
    chains = {"--reasoning-model": "REASONING", "--coding-model": "CODING"}
    words = [word for flag, role in chains.items() for word in (flag, models[f"DUOGRAPH_{role}_MODEL"])]
    cli.run("ask", ASK, "--approve-plan", "--thread", "w", *words)
    done = cli.run("resume", "w", "--approve", "--json")
    assert (done.code, done.json["verification"]["status"]) == (0, "verified")
    assert {call["backend"] for call in done.json["calls"]} == {"scripted"}
    assert "no model is configured" not in done.err
    cli.run("ask", ASK, "--approve-plan", "--thread", "v", *words)
    other = cli.run("resume", "v", "--approve", "--json", "--coding-model", "offline")
    assert [call["backend"] for call in other.json["calls"] if call["step"] == "code"][:1] == ["offline"]
