"""The setting `routing_minilm`: where it comes from, what it changes, and when what is wrong is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from duograph import Agent
from graph.build import build_graph
from graph.services import Services
from graph.settings import Settings, SettingsError
from tests.minilm import tiny_folder, with_heads

SAID = "write code that sorts a list"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_heads(tiny_folder(tmp_path_factory.mktemp("models") / "tiny"), "planning")


def test_the_folder_comes_from_an_argument_the_environment_or_the_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings().routing_minilm is None
    assert Settings(routing_minilm=folder).routing_minilm == folder
    (tmp_path / "duograph.toml").write_text('routing_minilm = ""\n')
    assert Settings().routing_minilm is None
    (tmp_path / "duograph.toml").write_text(f'routing_minilm = "{folder}"\n')
    assert Settings().routing_minilm == folder
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("DUOGRAPH_ROUTING_MINILM", "~/tiny")
    assert Settings().routing_minilm == folder


def test_a_turn_goes_where_the_vectors_say_and_there_again(folder: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, routing_minilm=folder)
    with Agent(settings) as agent:
        first = agent.ask(SAID, thread_id="s")
        again = agent.ask(SAID, thread_id="s")
    assert (first.task, first.decision.tier) == ("planning", "classifier")
    assert (again.task, again.decision.tier) == ("planning", "session")
    with Agent(Settings(home=tmp_path)) as agent:
        assert agent.ask(SAID).task == "code_generation"
        assert agent.ask(SAID, thread_id="s").task == "planning"


def test_a_bad_folder_is_told_before_a_turn_begins(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"routing_minilm is .*none"):
        Settings(routing_minilm=tmp_path / "none")
    empty = Settings(home=tmp_path, routing_minilm=tmp_path)
    other = Settings(home=tmp_path, routing_minilm=tiny_folder(tmp_path / "other", seed=9))
    for wrong, said in ((empty, "config.json is missing"), (other, "another model")):
        for start in (Agent, build_graph, Services.from_settings):
            with pytest.raises(SettingsError, match="The setting routing_minilm cannot be used: ") as error:
                start(wrong)
            assert said in str(error.value)
    assert Services.from_settings(Settings(routing_minilm=folder)).classifier.decide(SAID).label == "planning"
