"""The forward pass beside one written with plain numbers, and what is said of folders that are no model."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from routing.minilm import MiniLM
from routing.tensors import ModelFolderError, read_tensors
from tests.minilm import SHAPE, tiny_folder, tokenizer, write_tensors

Row = list[float]
TEXTS = ["plan a trip", "explain how tides work", "", "Why is this so? unknown words", "\ud800 plan"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("models") / "tiny")


def dot(one: Row, two: Row) -> float:
    return sum(a * b for a, b in zip(one, two, strict=True))


class Plain:
    """The same model, one number at a time, after Devlin et al., "BERT", 2019."""

    def __init__(self, folder: Path) -> None:
        self.weights = {
            name: tensor.tolist() for name, tensor in read_tensors(folder / "model.safetensors")[0].items()
        }

    def embed(self, ids: list[int]) -> Row:
        names = ("word_embeddings", "position_embeddings", "token_type_embeddings")
        words, places, kinds = (self.weights[f"embeddings.{name}.weight"] for name in names)
        rows = [
            self.norm(
                [sum(parts) for parts in zip(words[one], places[at], kinds[0], strict=True)], "embeddings"
            )
            for at, one in enumerate(ids)
        ]
        for layer in range(SHAPE.layers):
            rows = self.layer(rows, f"encoder.layer.{layer}")
        pooled = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        length = math.hypot(*pooled)
        return [number / length for number in pooled]

    def layer(self, rows: list[Row], name: str) -> list[Row]:
        asked, keys, values = (
            [self.linear(row, f"{name}.attention.self.{part}") for row in rows]
            for part in ("query", "key", "value")
        )
        each = SHAPE.size // SHAPE.heads
        made = []
        for row, ask in zip(rows, asked, strict=True):
            seen: Row = []
            for start in range(0, SHAPE.size, each):
                part = slice(start, start + each)
                scores = [dot(ask[part], key[part]) / math.sqrt(each) for key in keys]
                powers = [math.exp(score) for score in scores]
                shares = [power / sum(powers) for power in powers]
                seen += [
                    sum(share * value[at] for share, value in zip(shares, values, strict=True))
                    for at in range(part.start, part.stop)
                ]
            attended = self.linear(seen, f"{name}.attention.output.dense")
            first = self.added(row, attended, f"{name}.attention.output")
            inner = self.linear(first, f"{name}.intermediate.dense")
            wide = [x * (1 + math.erf(x / math.sqrt(2))) / 2 for x in inner]
            made.append(self.added(first, self.linear(wide, f"{name}.output.dense"), f"{name}.output"))
        return made

    def added(self, row: Row, more: Row, name: str) -> Row:
        return self.norm([one + two for one, two in zip(row, more, strict=True)], name)

    def linear(self, row: Row, name: str) -> Row:
        matrix, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return [dot(row, line) + add for line, add in zip(matrix, bias, strict=True)]

    def norm(self, row: Row, name: str) -> Row:
        weight, bias = self.weights[f"{name}.LayerNorm.weight"], self.weights[f"{name}.LayerNorm.bias"]
        mean = sum(row) / len(row)
        spread = math.sqrt(sum((one - mean) ** 2 for one in row) / len(row) + SHAPE.epsilon)
        return [(one - mean) / spread * w + b for one, w, b in zip(row, weight, bias, strict=True)]


def test_vectors_are_those_of_the_model_computed_number_by_number(folder: Path) -> None:
    plain, cutter = Plain(folder), tokenizer()
    cutter.no_padding()
    for text, vector in zip(TEXTS, MiniLM(folder).embed(TEXTS), strict=True):
        ids = cutter.encode(text.encode(errors="replace").decode()).ids
        assert vector == pytest.approx(plain.embed(ids), abs=2e-5)


def test_what_stands_beside_a_text_changes_nothing_of_it(folder: Path) -> None:
    model = MiniLM(folder)
    together = model.embed([*TEXTS, "plan " * 12])
    for text, vector in zip(TEXTS, together, strict=False):
        assert model.embed([text])[0] == pytest.approx(vector, abs=1e-5)
        assert model.embed([text]) == model.embed([text])
        assert math.hypot(*vector) == pytest.approx(1)


def test_only_the_beginning_of_a_long_text_is_read(folder: Path) -> None:
    assert MiniLM(folder).embed(["plan " * 500]) == MiniLM(folder).embed(["plan " * (SHAPE.places - 2)])
    assert MiniLM(folder, longest=3).embed(["plan a trip"]) == MiniLM(folder).embed(["plan"])


def test_names_with_a_prefix_and_half_precision_are_read(folder: Path, tmp_path: Path) -> None:
    other = tiny_folder(tmp_path / "other", prefix="bert.")
    assert MiniLM(other).embed(TEXTS) == MiniLM(folder).embed(TEXTS)
    tensors, _ = read_tensors(folder / "model.safetensors")
    write_tensors(other / "model.safetensors", tensors, dtype="F16")
    (one, two) = (MiniLM(place).embed(["plan a trip"])[0] for place in (other, folder))
    assert one == pytest.approx(two, abs=0.02)
    assert MiniLM(other).fingerprint != MiniLM(folder).fingerprint


def config(**changed: object) -> Callable[[Path], object]:
    def change(folder: Path) -> object:
        file = folder / "config.json"
        return file.write_text(json.dumps(json.loads(file.read_text()) | changed))

    return change


def cut(folder: Path) -> object:
    file = folder / "model.safetensors"
    return file.write_bytes(file.read_bytes()[:-100])


def header(about: object) -> Callable[[Path], object]:
    line = json.dumps(about).encode()
    content = struct.pack("<Q", len(line)) + line
    return lambda folder: (folder / "model.safetensors").write_bytes(content)


def content(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing: a MiniLM folder has"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json is missing"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors is missing"),
        (content("config.json", b"{"), "config.json is no JSON"),
        (content("config.json", b"\xff"), "config.json is no JSON"),
        (content("config.json", b"[]"), "type None"),
        (config(model_type="roberta"), "type 'roberta'"),
        (config(hidden_act="relu"), "activation 'relu'"),
        (config(hidden_size="32"), "no whole number hidden_size"),
        (config(num_hidden_layers=0), "no whole number num_hidden_layers"),
        (config(num_attention_heads=5), "5 num_attention_heads, with a rest"),
        (config(layer_norm_eps=0), "layer_norm_eps 0"),
        (config(hidden_size=64), "word_embeddings.weight in size (40, 32) and config.json says (40, 64)"),
        (config(num_hidden_layers=3), "encoder.layer.2.attention.self.query.weight not at all"),
        (config(vocab_size=9), "tokens and config.json says vocab_size 9"),
        (content("tokenizer.json", b"{}"), "tokenizer.json is no tokenizer"),
        (content("tokenizer.json", b"\xff"), "tokenizer.json is no tokenizer"),
        (cut, "is cut off: "),
        (content("model.safetensors", b""), "no safetensors file, or cut off"),
        (content("model.safetensors", b"\x00" * 4), "no safetensors file, or cut off"),
        (content("model.safetensors", b"\xff" * 40), "no safetensors file, or cut off"),
        (content("model.safetensors", struct.pack("<Q", 3) + b"{{{"), "no safetensors file, or cut off"),
        (header([]), "no safetensors file, or cut off"),
        (header({"a": {"dtype": "F32"}}), "describes a wrongly"),
        (header({"a": 5}), "describes a wrongly"),
        (header({}), "embeddings.word_embeddings.weight not at all"),
    ],
)  # fmt: skip
def test_each_way_in_which_a_folder_is_wrong_is_told(
    spoil: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    folder = tiny_folder(tmp_path / "model")
    spoil(folder)
    with pytest.raises(ModelFolderError) as error:
        MiniLM(folder)
    assert said in str(error.value)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


def test_numbers_that_are_not_aligned_are_read(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    for pad in range(4):
        write_tensors(file, {"a" * (1 + pad): np.arange(6, dtype=np.float32).reshape(2, 3)})
        ((tensor,), _) = (list(read_tensors(file)[0].values()), 0)
        assert tensor.tolist() == [[0, 1, 2], [3, 4, 5]]
        assert tensor.flags.aligned
