"""`duograph models`, without a process of its own, and what is said about models that go."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from graph.settings import Settings
from providers.catalogue.catalogue import Catalogue, load_catalogue
from serving.commands import duograph
from serving.faults import InputError
from serving.models_command import CATEGORIES, ROLES
from serving.options import Shell
from serving.signals import Signals
from serving.turn import say_what_retires

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.commandline import CommandLine


@pytest.fixture(autouse=True)
def _a_clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DUOGRAPH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def models(*words: str) -> int:
    action = duograph.main(["models", *words], "duograph", standalone_mode=False, obj=Shell(Signals()))
    return int(action())


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:  # noqa: ANN401  # whatever was printed
    assert models("--json", *words) == 0
    return json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


def test_each_line_is_a_model_and_what_is_unknown_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    assert models("--provider", "ollama", "--role", "coding") == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert all(len(row) == 7 for row in rows)
    by_name = {row[0]: row[1:] for row in rows}
    assert by_name["ollama:qwen3-coder:30b"] == ["chat,code", "coding", "262k", "-", "-", "-"]
    assert "ollama:qwen3:8b" not in by_name


def test_without_conditions_every_model_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert models() == 0
    assert len(capsys.readouterr().out.splitlines()) == len(load_catalogue())


def test_json_holds_every_field_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    answer = printed(capsys, "--provider", "openai")
    assert {model["provider"] for model in answer["models"]} == {"openai"}
    (model,) = (model for model in answer["models"] if model["id"] == "gpt-5")
    assert model["name"] == "GPT-5"
    assert model["context_tokens"] == 400_000
    assert model["capabilities"]["tools"] is True
    assert model["price"]["output_usd"] > model["price"]["input_usd"] > model["price"]["cached_usd"]
    for field, source in model["sources"].items():
        assert answer["sources"][source]["read"] >= "2026", field
    (image,) = (model for model in printed(capsys, "--category", "video")["models"] if "reel" in model["id"])
    assert (image["price"], image["context_tokens"], image["roles"]) == (None, None, [])


@pytest.mark.parametrize("role", ROLES)
def test_a_role_leaves_only_models_that_suit_it(capsys: pytest.CaptureFixture[str], role: str) -> None:
    found = printed(capsys, "--role", role)["models"]
    assert found
    assert all(role in model["roles"] and model["retires"] is None for model in found)


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_category_leaves_only_models_of_it(capsys: pytest.CaptureFixture[str], category: str) -> None:
    found = printed(capsys, "--category", category)["models"]
    assert found
    assert all(category in model["categories"] for model in found)


def test_an_unknown_provider_is_told_the_choices() -> None:
    with pytest.raises(
        InputError, match=r"--provider 'opnai' .* did you mean openai\? Known: anthropic, .*xai\.$"
    ):
        models("--provider", "opnai")
    with pytest.raises(InputError, match=r"--provider 'acme' .*: choose one of: anthropic, .*xai\.$"):
        models("--provider", "acme")


def test_nothing_found_is_said_beside_an_empty_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert models("--provider", "xai", "--role", "embedding") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "the catalogue has no such model" in said.err


def test_as_a_process_it_is_quick_to_refuse_and_plain_in_a_pipe(cli: CommandLine) -> None:
    done = cli.run("models", "--role", "king")
    assert done.code == 2
    assert "'king' is not one of 'reasoning', 'coding', 'background', 'embedding'" in done.err
    done = cli.run("models", "--provider", "bedrock")
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out
    assert "bedrock:amazon.nova-premier-v1:0\t" in done.out


def test_a_chain_with_a_model_that_goes_is_told_once_at_the_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = (datetime.now(UTC) + timedelta(days=30)).date()
    row = {"provider": "openai", "id": "old", "facts": {"x": {"name": "Old", "retires": soon.isoformat()}}}
    catalogue = Catalogue({"sources": {}, "models": [row]})
    monkeypatch.setattr("providers.catalogue.retirement.load_catalogue", lambda: catalogue)
    say_what_retires(Settings(reasoning_model="openai:old, offline", coding_model="openai:old"))
    assert capsys.readouterr().err == (
        f"duograph: openai:old retires in 30 days, on {soon}; "
        "choose another: duograph models --provider openai.\n"
    )
    say_what_retires(Settings(coding_model="openai:old@http://127.0.0.1:9/v1"))
    assert capsys.readouterr().err == ""
