"""What a text means, as scores beside those of its words: a small head on the vector of a MiniLM folder.

A head fits the one model that it was trained with, so it names that model's weights by their checksum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from pathlib import Path
from typing import Any, Final

from routing.minilm import MiniLM
from routing.tensors import ModelFolderError
from routing.view import View
from routing.weights import ZERO, Head, read, write

FILE: Final = Path(__file__).with_name("minilm.bin")
OWN_FILE: Final = "duograph-routing.bin"
"""A head for the model in whose folder it lies; it goes before the one that ships."""

FORMAT: Final = "duograph-routing-minilm-1"
LONGEST: Final = 128
"""Tokens that are read: time grows with them, and requests are shorter."""

_MOST_CHARS: Final = 600
_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class MeaningHeads:
    """What was learned on the vectors of one model; scores are to be added to those of words.

    Attributes:
        model: The SHA-256 of the model's weights.
        beside: The SHA-256 of the weights of words that it was fitted beside.
        label: What is wanted: a weight for nothing, then one for each number of a vector; temperature and
            thresholds are those of the sum.
        subject: What an explanation is about.
    """

    model: str
    beside: str
    label: Head
    subject: Head


def save_heads(heads: MeaningHeads, path: Path) -> None:
    """Write a file of heads.

    Args:
        heads: What to write.
        path: Where.
    """
    about: dict[str, object] = {"format": FORMAT, "model": heads.model, "beside": heads.beside}
    write(path, about, (heads.label, heads.subject))


def load_heads(path: Path = FILE) -> MeaningHeads:
    """Read a file of heads.

    Args:
        path: The file; the one that ships by default.

    Raises:
        WeightsError: The file is missing, damaged, or of another version.
    """

    def made(about: Mapping[str, Any], label: Head, subject: Head) -> MeaningHeads:
        return MeaningHeads(str(about["model"]), str(about["beside"]), label, subject)

    return read(path, FORMAT, made)


def text_of(seen: View) -> str:
    """What of a request is embedded: what the person wrote, without what they pasted, from both ends.

    Args:
        seen: The request.
    """
    text = " ".join(seen.sentences)
    return text if len(text) <= _MOST_CHARS else f"{text[: _MOST_CHARS // 2]} {text[-_MOST_CHARS // 2 :]}"


class Meaning:
    """A model with the heads that were trained on it.

    Attributes:
        heads: What was learned.
    """

    def __init__(self, model: MiniLM, heads: MeaningHeads) -> None:
        """Put them together.

        Args:
            model: Makes the vectors.
            heads: Trained on vectors of that model.

        Raises:
            ModelFolderError: The heads were trained on another model.
        """
        if model.fingerprint != heads.model or model.shape.size + 1 != len(heads.label.columns[0]):
            raise ModelFolderError(
                f"The folder {model.folder} holds another model (SHA-256 {model.fingerprint[:_SHOWN]}…) than "
                f"the one that routing was trained with ({heads.model[:_SHOWN]}…): give the folder of "
                "all-MiniLM-L6-v2, or train in a clone with python -m benchmarks.routing.train --minilm "
                f"{model.folder} --heads {model.folder / OWN_FILE}."
            )
        self.heads = heads
        self._model = model
        self._label = _numbers(heads.label)
        self._subject = _numbers(heads.subject)

    @classmethod
    def open(cls, folder: Path) -> Meaning:
        """Read a model, and the heads in its folder, or those that ship.

        Args:
            folder: With `config.json`, `tokenizer.json` and `model.safetensors`.

        Raises:
            ModelFolderError: The folder holds no such model, or one that the heads were not trained with.
            WeightsError: The heads are damaged or of another version.
            ExtraMissingError: numpy or tokenizers is not installed.
        """
        own = folder / OWN_FILE
        return cls(MiniLM(folder, longest=LONGEST), load_heads(own if own.is_file() else FILE))

    def scores(self, seen: View) -> tuple[list[float], list[float]]:
        """Scores of the labels and of the subjects, in the order of their names.

        Args:
            seen: What a person wrote.
        """
        (vector,) = self._model.embed([text_of(seen)])
        numbers = (1.0, *vector)
        label = [self.heads.label.scale * sum(map(mul, numbers, column)) for column in self._label]
        subject = [self.heads.subject.scale * sum(map(mul, numbers, column)) for column in self._subject]
        return label, subject


def _numbers(head: Head) -> Sequence[Sequence[int]]:
    """A head's bytes as the numbers that they stand for."""
    return [[byte - ZERO for byte in column] for column in head.columns]
