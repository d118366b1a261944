"""`duograph bounds` and the options it shares with `ask` and `chat`, without a process of their own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from graph.settings import Settings, SettingsError
from nodes import Bounds
from serving.bounds import describe
from serving.commands import duograph
from serving.options import Shell
from serving.signals import Signals
from serving.turn import say_who_answers

if TYPE_CHECKING:
    from pathlib import Path

UNPRICED = "openai:mystery@https://models.example.invalid/v1"
PRICED = "openai:gpt-5"


@pytest.fixture(autouse=True)
def _a_clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DUOGRAPH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.chdir(tmp_path)


def bounds(*words: str) -> int:
    """Run the command as the command line does, and give its exit code."""
    action = duograph.main(["bounds", *words], "duograph", standalone_mode=False, obj=Shell(Signals()))
    return int(action())


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> Bounds:
    """The bounds that `duograph bounds --json` prints; `NaN` and `Infinity` are no JSON."""
    assert bounds("--json", *words) == 0
    return Bounds.model_validate(json.loads(capsys.readouterr().out, parse_constant=pytest.fail))


def test_the_table_has_a_row_for_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert bounds() == 0
    table = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(table) == ["supersteps", "model", "tool", "sandbox", "seconds", "cost", "cycle"]
    assert table["cycle"] == "code → verify → review → code; guard: repairs; limit: 2"
    assert table["cost"] == "0 USD"


def test_nodes_that_declare_nothing_are_named() -> None:
    rows = dict(describe(Bounds(undeclared=["mine", "yours"], cost_usd=None)))
    assert rows["undeclared"].startswith("mine, yours (")
    assert rows["cost"] == "unknown"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--max-repairs", "11"),
        ("--max-repairs", "-1"),
        ("--max-tool-rounds", "51"),
        ("--max-tool-calls", "501"),
        ("--max-model-calls", "0"),
        ("--max-input-tokens", "many"),
        ("--max-output-tokens", "0"),
        ("--max-cost-usd", "nan"),
        ("--turn-timeout", "0"),
    ],
)
def test_a_limit_that_makes_no_sense_is_one_sentence(option: str, value: str) -> None:
    setting = option.removeprefix("--").replace("-", "_")
    with pytest.raises(SettingsError, match=f"^The setting {setting}.* is '{value}', which is wrong: .*[.]$"):
        bounds(option, value)


def test_each_option_is_a_limit_of_the_bound(capsys: pytest.CaptureFixture[str]) -> None:
    stock = printed(capsys)
    assert printed(capsys, "--max-repairs", "0").supersteps < stock.supersteps
    assert printed(capsys, "--max-model-calls", "2").model_calls == 2
    tools = ("--tools", "calculator,date_time")
    assert printed(capsys, *tools, "--max-tool-calls", "3").tool_calls == 3
    assert printed(capsys, *tools, "--max-tool-rounds", "2").supersteps == stock.supersteps + 4
    assert printed(capsys, *tools, "--max-tool-rounds", "0") == printed(capsys, "--tools", "") == stock
    assert printed(capsys, "--turn-timeout", "7").seconds < stock.seconds
    models = ("--reasoning-model", PRICED, "--coding-model", PRICED)
    assert printed(capsys, *models).cost_usd is None
    assert printed(capsys, *models, "--max-cost-usd", "0.25").cost_usd == 0.25
    tokens = ("--max-input-tokens", "1000", "--max-output-tokens", "1000")
    cost = printed(capsys, *models, *tokens).cost_usd
    assert cost is not None
    assert 0 < cost < 1


def test_the_command_line_outranks_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOGRAPH_MAX_MODEL_CALLS", "1")
    assert printed(capsys).model_calls == 1
    assert printed(capsys, "--max-model-calls", "3").model_calls == 3


def test_a_money_limit_says_which_models_it_does_not_cover(capsys: pytest.CaptureFixture[str]) -> None:
    models = ("--reasoning-model", f"{UNPRICED},offline", "--coding-model", PRICED)
    assert bounds(*models) == 0
    assert "money limit" not in capsys.readouterr().err
    assert bounds(*models, "--max-cost-usd", "1") == 0
    said = capsys.readouterr()
    assert said.err == (
        f"duograph: the money limit does not cover {UNPRICED}: the price is unknown; "
        "limit tokens or model calls as well.\n"
    )
    assert "cost          unknown\n" in said.out


@pytest.mark.parametrize(("role", "other"), [("reasoning", "coding"), ("coding", "reasoning")])
def test_with_one_role_configured_the_other_one_is_named(
    capsys: pytest.CaptureFixture[str], role: str, other: str
) -> None:
    say_who_answers(Settings(**{f"{role}_model": "offline"}))
    assert capsys.readouterr().err == (
        f"duograph: no {other} model is configured, so the embedded offline model answers; "
        f"connect one with DUOGRAPH_{other.upper()}_MODEL, such as openai:gpt-5.4.\n"
    )
    say_who_answers(Settings(reasoning_model="offline", coding_model="offline"))
    assert capsys.readouterr().err == ""


def test_an_endless_amount_of_money_is_no_limit(capsys: pytest.CaptureFixture[str]) -> None:
    models = ("--reasoning-model", PRICED, "--coding-model", PRICED)
    with pytest.raises(SettingsError, match="max_cost_usd is 'inf'"):
        printed(capsys, *models, "--max-cost-usd", "inf")


def test_a_tool_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(
        SettingsError, match=r"^The setting tools cannot be used: There is no tool 'abacus': "
    ):
        bounds("--tools", "abacus")
