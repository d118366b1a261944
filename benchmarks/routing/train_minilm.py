"""Learn what the vectors of a MiniLM folder add to the words; `train.py --minilm FOLDER` runs it.

The heads are learned on the same prompts as the weights of the words, and their share in the sum, the
temperature and the thresholds on the same registers left out. The words' weights stay as they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.routing.data import Example
from benchmarks.routing.fitting import Floats, fit_dense, softmax
from benchmarks.routing.metrics import Guess
from benchmarks.routing.train import (
    PENALTY,
    SMOOTHING,
    SUBJECT_PENALTY,
    Material,
    by_words,
    left_out,
    materials,
    packed,
    temperature_of,
    thresholds_of,
)
from routing.labels import LABELS, SUBJECTS
from routing.meaning import LONGEST, MeaningHeads, text_of
from routing.minilm import MiniLM
from routing.view import view
from routing.weights import Weights, checksum

PENALTIES: Final = (1e-6, 1e-5, 1e-4)
LEAST: Final = 0.3
"""Variations of a prompt count less than this, and are left to the words."""

SHARES: Final = tuple(round(0.1 * step, 1) for step in range(1, 16))
"""What the vectors' scores may be multiplied with before they are added to those of the words."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Two sides' scores of the registers that were left out, and how they explain the truth best together.

    Attributes:
        chosen: Which examples.
        scores: Of the sum, not yet divided by the temperature.
        penalty: On the squares of the vectors' matrix.
        share: What the vectors' scores are multiplied with.
        temperature: Of the sum.
    """

    chosen: list[int]
    scores: Floats
    penalty: float
    share: float
    temperature: float


def vectors_of(model: MiniLM, examples: Sequence[Example]) -> Floats:
    """A row per example: 1, then the vector of its text."""
    texts = [text_of(view(example.text)) for example in examples]
    once = list(dict.fromkeys(texts))  # those that differ in case alone are one
    vectors = dict(zip(once, model.embed(once), strict=True))
    found = np.array([vectors[text] for text in texts])
    return np.hstack([np.ones((len(found), 1)), found])


def learned(material: Material, rows: Floats, chosen: Sequence[int], *, penalty: float, steps: int) -> Floats:
    """The matrix that explains some of the rows."""
    targets = material.targets[chosen] * (1 - SMOOTHING) + SMOOTHING / len(material.names)
    return fit_dense(rows[chosen], targets, material.weights[chosen], penalty=penalty, steps=steps)


def by_meaning(material: Material, rows: Floats, penalty: float) -> Callable[[list[int], list[int]], Floats]:
    """What learns from the vectors of some examples and scores others."""

    def scored(rest: list[int], asked: list[int]) -> Floats:
        return np.asarray(rows[asked] @ learned(material, rows, rest, penalty=penalty, steps=100))

    return scored


def mixed(by_them: tuple[list[int], Floats], material: Material, rows: Floats) -> Mix:
    """Find the sum that explains the registers that were left out best.

    Args:
        by_them: Which prompts were left out, in the order of `material`, and their scores by the words.
        material: What the vectors learn from.
        rows: The vectors.
    """
    words = by_them[1]
    chosen = left_out(material, lambda _, asked: material.targets[asked])[0]
    targets = material.targets[chosen]
    best: tuple[float, Mix] | None = None
    for penalty in PENALTIES:
        _, meaning = left_out(material, by_meaning(material, rows, penalty))
        for share in SHARES:
            scores = words + share * meaning
            temperature = temperature_of(scores, targets)
            surprise = float(-(targets * np.log(softmax(scores / temperature) + 1e-12)).sum())
            if best is None or surprise < best[0]:
                best = surprise, Mix(chosen, scores, penalty, share, temperature)
    if best is None:
        raise ValueError("there is no penalty or no share to choose from")
    return best[1]


def build(
    examples: Sequence[Example], folder: Path, weights: Weights
) -> tuple[MeaningHeads, list[Guess], str]:
    """Learn the heads; also how the left-out prompts fared, and what was chosen.

    Args:
        examples: Those of weight 1 are the prompts as they were written.
        folder: The model's.
        weights: Those of the words, beside which the heads stand.
    """
    model = MiniLM(folder, longest=LONGEST)
    words = materials(examples)
    # A vector says little about typing errors and polite openings, and making it takes time.
    plain = [example for example in examples if example.weight >= LEAST]
    labels, subjects = materials(plain)
    rows = vectors_of(model, plain)
    topics = rows[[number for number, example in enumerate(plain) if example.subject]]
    mix = mixed(left_out(words[0], by_words(words[0], PENALTY)), labels, rows)
    about = mixed(left_out(words[1], by_words(words[1], SUBJECT_PENALTY)), subjects, topics)
    chances = softmax(mix.scores / mix.temperature)
    targets = labels.targets[mix.chosen]
    thresholds = thresholds_of(chances, targets)

    def all_of(material: Material, given: Floats, mix: Mix) -> Floats:
        whole = range(len(material.examples))
        return mix.share * learned(material, given, whole, penalty=mix.penalty, steps=160)

    heads = MeaningHeads(
        model.fingerprint,
        checksum(weights),
        packed(LABELS, all_of(labels, rows, mix), mix.temperature, thresholds),
        packed(SUBJECTS, all_of(subjects, topics, about), 1.0, [0.0] * len(SUBJECTS)),
    )
    guesses = [
        Guess(
            LABELS[int(truth.argmax())],
            LABELS[int(row.argmax())],
            float(row.max()),
            bool(row.max() >= thresholds[int(row.argmax())]),
        )
        for truth, row in zip(targets, chances, strict=True)
    ]
    chose = f"labels: penalty {mix.penalty:g}, share {mix.share}, temperature {mix.temperature}; "
    return heads, guesses, chose + f"subjects: penalty {about.penalty:g}, share {about.share}"
