"""MiniLM, and any other small BERT, in numpy: texts as vectors of length 1 whose nearness is that of meaning.

The mean of the last layer's vectors, as sentence-transformers makes it of `all-MiniLM-L6-v2` (Wang et al.,
"MiniLM", 2020; Reimers and Gurevych, "Sentence-BERT", 2019). The extra `minilm` brings what it needs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from routing.tensors import ModelFolderError, read_tensors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

CONFIG: Final = "config.json"
TOKENIZER: Final = "tokenizer.json"
TENSORS: Final = "model.safetensors"

LONGEST: Final = 256
"""Tokens of a text that are read, as sentence-transformers does with this model."""

_BATCH: Final = 64
_HIDDEN: Final = -1e9
"""What a place without a token scores."""

_NEEDED: Final = (
    "num_hidden_layers",
    "num_attention_heads",
    "hidden_size",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
)


class ExtraMissingError(ImportError):
    """The packages that a model needs are not installed; the message says how to install them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What `config.json` says of a model.

    Attributes:
        layers: How many there are.
        heads: Of attention, in each.
        size: Numbers of a vector.
        inner: Numbers between a layer's two last matrices.
        words: Tokens that it knows.
        places: Tokens that it reads at most.
        epsilon: Keeps a norm from dividing by nought.
    """

    layers: int
    heads: int
    size: int
    inner: int
    words: int
    places: int
    epsilon: float

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """The tensors that such a model has, and their sizes."""
        size, inner = self.size, self.inner
        found: dict[str, tuple[int, ...]] = {
            "embeddings.word_embeddings.weight": (self.words, size),
            "embeddings.position_embeddings.weight": (self.places, size),
        } | _norm_sizes("embeddings.LayerNorm", size)
        for number in range(self.layers):
            layer = f"encoder.layer.{number}"
            for part in ("query", "key", "value"):
                found |= _linear_sizes(f"{layer}.attention.self.{part}", size, size)
            found |= _linear_sizes(f"{layer}.attention.output.dense", size, size)
            found |= _norm_sizes(f"{layer}.attention.output.LayerNorm", size)
            found |= _linear_sizes(f"{layer}.intermediate.dense", size, inner)
            found |= _linear_sizes(f"{layer}.output.dense", inner, size)
            found |= _norm_sizes(f"{layer}.output.LayerNorm", size)
        return found


def _linear_sizes(name: str, given: int, made: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (made, given), f"{name}.bias": (made,)}


def _norm_sizes(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


class MiniLM:
    """Turns texts into vectors.

    Attributes:
        folder: Where the model lies.
        shape: Its sizes.
        fingerprint: The SHA-256 of its weights' file.
    """

    def __init__(self, folder: Path, *, longest: int = LONGEST) -> None:
        """Read a model; some tenths of a second.

        Args:
            folder: With `config.json`, `tokenizer.json` and `model.safetensors`, as Hugging Face has them.
            longest: Tokens of a text that are read; those after them are left out.

        Raises:
            ModelFolderError: A file is missing, damaged, of another kind, or does not fit the others.
            ExtraMissingError: numpy or tokenizers is not installed.
        """
        _check_extra()
        self.folder = folder
        self.shape = _shape(folder / CONFIG)
        self._tokenizer = _tokenizer(folder / TOKENIZER, self.shape)
        self._tokenizer.enable_truncation(min(longest, self.shape.places))
        self._weights, self.fingerprint = _weights(folder / TENSORS, self.shape)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed texts, in batches of like length.

        Args:
            texts: Any.
        """
        whole = [text.encode(errors="replace").decode() for text in texts]  # half a character is refused
        encoded = [one.ids for one in self._tokenizer.encode_batch(whole)]
        order = sorted(range(len(texts)), key=lambda place: len(encoded[place]))
        vectors: dict[int, list[float]] = {}
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            for place, vector in zip(places, self._run([encoded[place] for place in places]), strict=True):
                vectors[place] = vector.tolist()
        return [vectors[place] for place in range(len(texts))]

    def _run(self, batch: Sequence[Sequence[int]]) -> Floats:
        import numpy as np  # noqa: PLC0415  # an extra

        width = max(1, *map(len, batch))
        ids = np.array([[*one, *[0] * (width - len(one))] for one in batch])
        mask = np.array([[1] * len(one) + [0] * (width - len(one)) for one in batch], dtype=np.float32)
        w = self._weights
        hidden = (
            w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][:width]
        )
        if "embeddings.token_type_embeddings.weight" in w:
            hidden = hidden + w["embeddings.token_type_embeddings.weight"][0]
        hidden = self._norm(hidden, "embeddings.LayerNorm")
        hide = (1 - mask)[:, None, None, :] * np.float32(_HIDDEN)
        for layer in range(self.shape.layers):
            hidden = self._layer(hidden, hide, f"encoder.layer.{layer}")
        pooled = (hidden * mask[..., None]).sum(1) / np.maximum(mask.sum(1, keepdims=True), 1)
        return np.asarray(pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12))

    def _layer(self, hidden: Floats, hide: Floats, name: str) -> Floats:
        import numpy as np  # noqa: PLC0415  # an extra

        count, width, size = hidden.shape
        each = size // self.shape.heads

        def heads(part: str) -> Floats:
            out = self._linear(hidden, f"{name}.attention.self.{part}")
            return out.reshape(count, width, self.shape.heads, each).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.float32(each**0.5) + hide
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        seen = (scores / scores.sum(-1, keepdims=True)) @ heads("value")
        seen = seen.transpose(0, 2, 1, 3).reshape(count, width, size)
        attended = self._linear(seen, f"{name}.attention.output.dense")
        hidden = self._norm(hidden + attended, f"{name}.attention.output.LayerNorm")
        wide = _gelu(self._linear(hidden, f"{name}.intermediate.dense"))
        return self._norm(hidden + self._linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _linear(self, x: Floats, name: str) -> Floats:
        return x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _norm(self, x: Floats, name: str) -> Floats:
        import numpy as np  # noqa: PLC0415  # an extra

        apart = x - x.mean(-1, keepdims=True)
        spread = np.sqrt((apart**2).mean(-1, keepdims=True) + np.float32(self.shape.epsilon))
        return np.asarray(apart / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"])


def _gelu(x: Floats) -> Floats:
    """By the formula of Abramowitz and Stegun (7.1.26) for the error function, good to 2e-7."""
    import numpy as np  # noqa: PLC0415  # an extra

    z = np.abs(x) / np.float32(2**0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    return np.asarray(0.5 * x * (1 + np.sign(x) * (1 - series * np.exp(-z * z))))


def _check_extra() -> None:
    try:
        import numpy as np  # noqa: PLC0415  # an extra
        import tokenizers  # noqa: PLC0415  # an extra

        del np, tokenizers
    except ImportError as error:
        raise ExtraMissingError(
            f"A MiniLM folder needs {error.name}: install it with pip install 'duograph[minilm]'."
        ) from None


def _unreadable(path: Path, error: OSError) -> ModelFolderError:
    said = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
    return ModelFolderError(
        f"The file {path} {said}: a MiniLM folder has {CONFIG}, {TOKENIZER} and {TENSORS}."
    )


def _shape(path: Path) -> Shape:
    """What `config.json` says."""
    try:
        about: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, error) from None
    except ValueError as error:
        raise ModelFolderError(f"The file {path} is no JSON ({error}): download the model anew.") from None
    kind = about.get("model_type") if isinstance(about, dict) else None
    if kind != "bert" or about.get("hidden_act", "gelu") != "gelu":
        raise ModelFolderError(
            f"The file {path} describes a model of type {kind!r}, activation "
            f"{about.get('hidden_act') if isinstance(about, dict) else None!r}: "
            "give the folder of a BERT with gelu, such as all-MiniLM-L6-v2."
        )
    for name in _NEEDED:
        if not isinstance(about.get(name), int) or about[name] < 1:
            raise ModelFolderError(f"The file {path} has no whole number {name}: download the model anew.")
    if about["hidden_size"] % about["num_attention_heads"]:
        raise ModelFolderError(
            f"The file {path} divides hidden_size {about['hidden_size']} among "
            f"{about['num_attention_heads']} num_attention_heads, with a rest: download the model anew."
        )
    epsilon = about.get("layer_norm_eps", 1e-12)
    if not isinstance(epsilon, float) or not 0 < epsilon < 1:
        raise ModelFolderError(f"The file {path} has layer_norm_eps {epsilon!r}: it is between 0 and 1.")
    layers, heads, size, inner, words, places = (about[name] for name in _NEEDED)
    return Shape(layers, heads, size, inner, words, places, epsilon)


def _tokenizer(path: Path, shape: Shape) -> Any:  # noqa: ANN401  # an extra's
    """The tokenizer, which neither cuts nor fills up."""
    from tokenizers import Tokenizer  # noqa: PLC0415  # an extra

    try:
        found = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, error) from None
    except Exception as error:  # noqa: BLE001  # the package raises nothing narrower
        raise ModelFolderError(
            f"The file {path} is no tokenizer ({error}): download the model anew."
        ) from None
    if found.get_vocab_size() > shape.words:
        raise ModelFolderError(
            f"The file {path} has {found.get_vocab_size()} tokens and {CONFIG} says vocab_size "
            f"{shape.words}: both must be of the same model."
        )
    found.no_padding()
    return found


def _weights(path: Path, shape: Shape) -> tuple[dict[str, Floats], str]:
    """The weights, of the sizes that `config.json` says, and the SHA-256 of their file."""
    if not path.is_file():
        raise _unreadable(path, FileNotFoundError())
    tensors, fingerprint = read_tensors(path)
    found = {name.removeprefix("bert."): tensor for name, tensor in tensors.items()}
    for name, size in shape.tensors.items():
        there = found[name].shape if name in found else None
        if there != size:
            raise ModelFolderError(
                f"The file {path} has {name} {'in size ' + str(there) if there else 'not at all'} and "
                f"{CONFIG} says {size}: both must be of the same model."
            )
    return found, fingerprint
