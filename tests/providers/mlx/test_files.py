"""What the files of a model say, without loading one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import ModelConfigError, RoleModels
from providers.backend import Sampling
from providers.mlx.files import context_tokens, find_model, require_mlx
from providers.mlx.output import StopText


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 4096}')
    (tmp_path / "model.safetensors").write_bytes(b"12345")
    return tmp_path


def test_a_folder_tells_its_size_window_and_advice(folder: Path) -> None:
    found = find_model(str(folder))
    assert (found.folder, found.weight_bytes, found.context_tokens) == (folder.resolve(), 5, 4096)
    assert found.sampling == Sampling(temperature=0.0)


def test_the_makers_advice_on_sampling_is_followed(folder: Path) -> None:
    advice = {"do_sample": True, "temperature": 0.6, "top_p": 0.95}
    (folder / "generation_config.json").write_text(json.dumps(advice))
    assert find_model(str(folder)).sampling == Sampling(temperature=0.6, top_p=0.95)


@pytest.mark.parametrize(
    ("config", "window"),
    [
        ({"max_position_embeddings": 8}, 8),
        ({"text_config": {"max_position_embeddings": 9}}, 9),
        ({"n_ctx": 7, "text_config": None}, 7),
        ({"max_position_embeddings": "many"}, None),
        ({}, None),
    ],
)
def test_the_window_is_found_where_families_write_it(config: dict[str, Any], window: int | None) -> None:
    assert context_tokens(config) == window


def test_a_folder_without_weights_is_a_sentence(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelConfigError, match=r"holds no model\*\.safetensors"):
        find_model(str(folder))


@pytest.mark.parametrize(
    ("content", "sentence"), [("{", "cannot be read"), ("[]", "no JSON object"), (None, "has no config.json")]
)
def test_a_broken_config_is_a_sentence(folder: Path, content: str | None, sentence: str) -> None:
    (folder / "config.json").unlink()
    if content is not None:
        (folder / "config.json").write_text(content)
    with pytest.raises(ModelConfigError, match=sentence):
        find_model(str(folder))


def test_a_missing_shard_is_named(folder: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelConfigError, match=r"is incomplete: model-2\.safetensors is missing"):
        find_model(str(folder))


def test_a_model_that_was_not_pulled_is_told_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelConfigError, match="run: duograph pull some-org/some-model"):
        RoleModels({"reasoning": "mlx:some-org/some-model"})


def test_what_is_neither_folder_nor_id_is_a_sentence() -> None:
    with pytest.raises(ModelConfigError, match=r"There is no folder '\./nowhere/at/all'"):
        RoleModels({"reasoning": "mlx:./nowhere/at/all"})


def test_without_mlx_lm_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ModelConfigError, match=r"mlx:x needs mlx-lm, .* run: pip install 'duograph\[mlx\]'"):
        require_mlx("mlx:x")


@given(st.text("abc", max_size=30), st.lists(st.text("abc", min_size=1, max_size=4), max_size=3), st.data())
def test_stop_words_cut_the_same_however_the_text_comes(
    text: str, words: list[str], data: st.DataObject
) -> None:
    ends = [(start + len(word), start) for word in words if (start := text.find(word)) >= 0]
    expected = text[: min(ends)[1]] if ends else text
    stop, seen, rest = StopText(words), "", text
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        seen, rest = seen + stop.feed(rest[:size]), rest[size:]
    assert stop.hit == bool(ends)
    assert seen + stop.rest() == expected
