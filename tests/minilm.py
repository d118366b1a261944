"""A BERT of two layers with random weights, laid out as Hugging Face lays out all-MiniLM-L6-v2."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from routing.labels import LABELS, SUBJECTS, Label
from routing.meaning import OWN_FILE, MeaningHeads, save_heads
from routing.minilm import MiniLM, Shape
from routing.weights import ZERO, Head

SHAPE = Shape(layers=2, heads=4, size=32, inner=48, words=40, places=16, epsilon=1e-12)
TEXT = "plan a trip to malta explain how tides work write code that sorts lists why is this so"
"""All that the model knows."""


def tiny_folder(folder: Path, *, seed: int = 5, prefix: str = "") -> Path:
    """Write a model and give its folder."""
    folder.mkdir(exist_ok=True)
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "num_hidden_layers": SHAPE.layers,
        "num_attention_heads": SHAPE.heads,
        "hidden_size": SHAPE.size,
        "intermediate_size": SHAPE.inner,
        "vocab_size": SHAPE.words,
        "max_position_embeddings": SHAPE.places,
        "layer_norm_eps": SHAPE.epsilon,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    tokenizer().save(str(folder / "tokenizer.json"))
    dice = np.random.default_rng(seed)
    sizes = SHAPE.tensors | {"embeddings.token_type_embeddings.weight": (2, SHAPE.size)}
    tensors = {
        prefix + name: dice.normal(0.0, 0.5, size).astype(np.float32) for name, size in sorted(sizes.items())
    }
    write_tensors(folder / "model.safetensors", tensors)
    return folder


def tokenizer() -> Tokenizer:
    """Whole words in lower case, between marks of beginning and end."""
    known = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *TEXT.split()])}
    made = Tokenizer(models.WordPiece(known, unk_token="[UNK]"))  # noqa: S106  # a token of text
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    made.enable_padding(length=12)  # as the original has it: nothing of it may remain
    return made


def write_tensors(path: Path, tensors: dict[str, np.ndarray], *, dtype: str = "F32") -> None:
    """Write a file in the safetensors format."""
    kind = {"F32": "<f4", "F16": "<f2"}[dtype]
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, tensor in tensors.items():
        numbers = tensor.astype(kind).tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(tensor.shape),
            "data_offsets": [len(body), len(body) + len(numbers)],
        }
        body += numbers
    line = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(line)) + line + body)


def wishing(label: Label) -> Head:
    """A head that wants one label whatever the vector is."""
    columns = []
    for name in LABELS:
        column = bytearray([ZERO] * (SHAPE.size + 1))
        column[0] += 100 * (name == label)
        columns.append(bytes(column))
    return Head(LABELS, tuple(columns), 1.0, 1.0, tuple(0.5 for _ in LABELS))


def with_heads(folder: Path, label: Label) -> Path:
    """Put heads into a model's folder that want one label."""
    nothing = Head(SUBJECTS, (bytes([ZERO] * (SHAPE.size + 1)),) * len(SUBJECTS), 1.0, 1.0, (0.0,) * 5)
    heads = MeaningHeads(MiniLM(folder).fingerprint, "0" * 64, wishing(label), nothing)
    save_heads(heads, folder / OWN_FILE)
    return folder
