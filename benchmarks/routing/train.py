"""Rebuild the weights of the local router from the labelled prompts.

    python -m benchmarks.routing.train            # writes routing/weights.bin
    python -m benchmarks.routing.train --check    # says how registers fare that were left out
    python -m benchmarks.routing.train --minilm FOLDER    # writes routing/minilm.bin, for that model

Numpy is needed for training only. The same prompts give the same weights.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.routing.data import Example, composed, training, varied
from benchmarks.routing.fitting import Floats, Rows, fit, softmax
from benchmarks.routing.metrics import PRECISION, Guess, score
from routing.features import PLACES, Features, features
from routing.labels import LABELS, SUBJECTS
from routing.meaning import FILE as HEADS
from routing.meaning import save_heads
from routing.view import view
from routing.weights import FILE, ZERO, Head, Weights, load, save

GAINS: Final = (3.0, 2.0, 3.0)
"""How much features of words, parts of words and shape count; chosen on registers that were left out."""

PENALTY: Final = 3e-4
SUBJECT_PENALTY: Final = 3e-4
SMOOTHING: Final = 0.1
"""The share of each target that is spread over all names: no prompt is a certain example of its label
(Szegedy et al., "Rethinking the Inception Architecture", 2016)."""

SEEN_TWICE: Final = 2
"""A place that fewer prompts fall on keeps a weight of nought: it would only be noise for others."""

FOLDS: Final = 6
FEWEST: Final = 0.2
"""No threshold is lower: a label that is hardly likelier than the others is no decision."""


class Material:
    """Examples with their features, as rows of numbers.

    Attributes:
        examples: All of them.
        names: What is decided between.
        targets: A row per example, 1 at its name.
        weights: How much each counts, rare names a little more.
    """

    def __init__(self, examples: Sequence[Example], found: Sequence[Features], names: Sequence[str]) -> None:
        self.examples = list(examples)
        self.names = list(names)
        seen = Counter(place for one in found for place in {*one.words, *one.parts, *one.shape})
        self._rows = [_row(one, seen) for one in found]
        truths = [names.index(truth_of(example, names)) for example in examples]
        self.targets: Floats = np.eye(len(names))[truths]
        weights = np.array([example.weight for example in examples])
        mass = (weights[:, None] * self.targets).sum(axis=0)
        self.weights: Floats = weights * np.sqrt(mass.mean() / np.maximum(mass, 1.0))[truths]

    def part(self, chosen: Sequence[int]) -> Rows:
        """Some of the rows."""
        return Rows.of([self._rows[number] for number in chosen], PLACES)

    def fitted(self, chosen: Sequence[int], *, penalty: float, steps: int) -> Floats:
        """The matrix that explains some of the rows."""
        targets = self.targets[chosen] * (1 - SMOOTHING) + SMOOTHING / len(self.names)
        return fit(self.part(chosen), targets, self.weights[chosen], penalty=penalty, steps=steps)


def truth_of(example: Example, names: Sequence[str]) -> str:
    """The label, or the subject where those are asked for."""
    return example.label if example.label in names else str(example.subject)


def _row(found: Features, seen: Counter[int]) -> list[tuple[int, float]]:
    row = []
    for gain, places in zip(GAINS, (found.words, found.parts, found.shape), strict=True):
        row += [(place, gain / len(places) ** 0.5) for place in places if seen[place] >= SEEN_TWICE]
    return row or [(0, 0.0)]


def left_out(
    material: Material, scored: Callable[[list[int], list[int]], Floats]
) -> tuple[list[int], Floats]:
    """Scores of the prompts as they were written, by models that have not seen their register.

    Args:
        material: All examples.
        scored: Learns from the first examples and scores the second.
    """
    sources = sorted({example.source for example in material.examples if example.weight == 1})
    chosen: list[int] = []
    scores = []
    for fold in range(FOLDS):
        out = set(sources[fold::FOLDS])
        rest = [number for number, one in enumerate(material.examples) if one.source not in out]
        asked = [
            number for number, one in enumerate(material.examples) if one.source in out and one.weight == 1
        ]
        if asked:
            scores.append(scored(rest, asked))
            chosen += asked
    return chosen, np.concatenate(scores)


def by_words(material: Material, penalty: float) -> Callable[[list[int], list[int]], Floats]:
    """What learns from the words of some examples and scores others."""

    def scored(rest: list[int], asked: list[int]) -> Floats:
        return material.part(asked).times(material.fitted(rest, penalty=penalty, steps=50))

    return scored


def temperature_of(scores: Floats, targets: Floats) -> float:
    """The temperature under which scores explain the targets best."""
    choices = [round(0.5 + 0.05 * step, 2) for step in range(60)]

    def surprise(temperature: float) -> float:
        return float(-(targets * np.log(softmax(scores / temperature) + 1e-12)).sum())

    return min(choices, key=surprise)


def thresholds_of(chances: Floats, targets: Floats) -> list[float]:
    """For each name the least confidence from which on it was right nine times in ten."""
    guessed, truth = chances.argmax(axis=1), targets.argmax(axis=1)
    found = []
    for name in range(chances.shape[1]):
        own = np.sort(chances[guessed == name, name])
        options = [
            threshold
            for threshold in own
            if np.mean(truth[(guessed == name) & (chances[:, name] >= threshold)] == name) >= PRECISION
        ]
        found.append(round(max(FEWEST, float(options[0])), 3) if options else 1.0)
    return found


def head(material: Material, penalty: float, temperature: float, thresholds: Sequence[float]) -> Head:
    """A decision's weights, learned from all examples."""
    matrix = material.fitted(range(len(material.examples)), penalty=penalty, steps=80)
    return packed(material.names, matrix, temperature, thresholds)


def packed(names: Sequence[str], matrix: Floats, temperature: float, thresholds: Sequence[float]) -> Head:
    """A matrix of a row per place and a column per name as a head: a byte per number."""
    scale = float(np.abs(matrix).max()) / 127
    steps = (np.rint(matrix / scale) + ZERO).astype(np.uint8)
    columns = tuple(column.tobytes() for column in np.ascontiguousarray(steps.T))
    return Head(tuple(names), columns, scale, temperature, tuple(thresholds))


def materials(examples: Sequence[Example]) -> tuple[Material, Material]:
    """What labels and subjects are learned from."""
    found = [features(view(example.text)) for example in examples]
    about = [number for number, example in enumerate(examples) if example.subject]
    return (
        Material(examples, found, LABELS),
        Material([examples[n] for n in about], [found[n] for n in about], SUBJECTS),
    )


def build(examples: Sequence[Example]) -> tuple[Weights, list[Guess], list[Example]]:
    """Learn from examples; also how the left-out ones fared.

    Args:
        examples: Those of weight 1 are the prompts as they were written.
    """
    labels, subjects = materials(examples)
    chosen, scores = left_out(labels, by_words(labels, PENALTY))
    temperature = temperature_of(scores, labels.targets[chosen])
    chances = softmax(scores / temperature)
    thresholds = thresholds_of(chances, labels.targets[chosen])
    label = head(labels, PENALTY, temperature, thresholds)
    # Nobody asks how sure the subject is: it only chooses the words of a prompt.
    subject = head(subjects, SUBJECT_PENALTY, 1.0, [0.0] * len(SUBJECTS))
    guesses = [
        Guess(
            labels.examples[number].label,
            LABELS[int(row.argmax())],
            float(row.max()),
            bool(row.max() >= label.thresholds[int(row.argmax())]),
        )
        for number, row in zip(chosen, chances, strict=True)
    ]
    return Weights(GAINS, label, subject), guesses, [labels.examples[number] for number in chosen]


def learn_meaning(folder: Path, words: Path, out: Path | None) -> None:
    """Learn what a model's vectors add to the weights that are there, say what was seen, and write."""
    from benchmarks.routing import train_minilm  # noqa: PLC0415  # it builds on this module

    heads, guesses, chose = train_minilm.build([*varied(training()), *composed()], folder, load(words))
    figures = score(guesses)
    print(
        f"all left out {figures.count} prompts  accuracy {figures.accuracy:.3f}"
        f"  macro-F1 {figures.macro_f1:.3f}  sure of {figures.kept:.2f}, there {figures.kept_accuracy:.3f}"
    )
    print(chose)
    if out:
        save_heads(heads, out)
        print(f"{out.name}: {out.stat().st_size:,} bytes")


def main() -> None:
    """Build, say what was seen, and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=FILE, help="where the weights are written")
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--errors", action="store_true", help="print the left-out prompts that went wrong")
    parser.add_argument("--minilm", type=Path, metavar="FOLDER", help="learn a model's heads beside --out")
    parser.add_argument("--heads", type=Path, default=HEADS, help="where those are written")
    options = parser.parse_args()
    if options.minilm:
        learn_meaning(options.minilm, options.out, None if options.check else options.heads)
        return
    weights, guesses, examples = build([*varied(training()), *composed()])
    for source in [*sorted({example.source for example in examples}), ""]:
        part = [
            guess for guess, example in zip(guesses, examples, strict=True) if source in {"", example.source}
        ]
        figures = score(part)
        print(
            f"{source or 'all left out':20} {figures.count:5} prompts  accuracy {figures.accuracy:.3f}"
            f"  sure of {figures.kept:.2f}, there {figures.kept_accuracy:.3f}"
        )
    thresholds = dict(zip(LABELS, weights.label.thresholds, strict=True))
    print(f"temperature {weights.label.temperature}, thresholds {thresholds}")
    if options.errors:
        for guess, example in zip(guesses, examples, strict=True):
            if guess.label != guess.truth:
                row = [guess.truth, guess.label, guess.confidence, example.source, example.text[:200]]
                print(json.dumps(row, ensure_ascii=False))
    if not options.check:
        save(weights, options.out)
        print(f"{options.out.name}: {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
