"""How good a router is on labelled prompts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

BINS: Final = 10
PRECISION: Final = 0.9


@dataclass(frozen=True, slots=True)
class Guess:
    """One prompt, judged.

    Attributes:
        truth: The label that it has.
        label: The label that it got.
        confidence: How sure the router was, from 0 to 1; None where it does not say.
        sure: Whether the router would have left it at that.
    """

    truth: str
    label: str
    confidence: float | None = None
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of one router on one set.

    Attributes:
        count: Of prompts.
        accuracy: The share that is right, nothing left out.
        macro_f1: The mean over the labels of precision and recall's harmonic mean.
        coverage: The largest share, most confident first, that is 90 % right; None without confidences.
        calibration_error: Mean difference of confidence and accuracy, in ten bins; None without confidences.
        kept: The share that the router was sure of.
        kept_accuracy: The share of those that is right.
    """

    count: int
    accuracy: float
    macro_f1: float
    coverage: float | None
    calibration_error: float | None
    kept: float
    kept_accuracy: float


def score(guesses: Sequence[Guess]) -> Score:
    """Judge a router.

    Args:
        guesses: At least one.
    """
    right = [guess.truth == guess.label for guess in guesses]
    sure = [fits for fits, guess in zip(right, guesses, strict=True) if guess.sure]
    confident = [
        (guess.confidence, fits)
        for guess, fits in zip(guesses, right, strict=True)
        if guess.confidence is not None
    ]
    return Score(
        len(guesses),
        sum(right) / len(right),
        macro_f1(guesses),
        coverage(confident) if confident else None,
        calibration_error(confident) if confident else None,
        len(sure) / len(right),
        sum(sure) / len(sure) if sure else 0.0,
    )


def macro_f1(guesses: Sequence[Guess]) -> float:
    """The mean of the labels' F1, over the labels that occur as truth.

    Args:
        guesses: At least one.
    """
    found = []
    for label in sorted({guess.truth for guess in guesses}):
        hits = sum(guess.truth == label == guess.label for guess in guesses)
        either = sum((guess.truth == label) + (guess.label == label) for guess in guesses)
        found.append(2 * hits / either)
    return sum(found) / len(found)


def coverage(confident: Sequence[tuple[float, bool]], precision: float = PRECISION) -> float:
    """The largest share, most confident first, of which at least `precision` is right.

    Args:
        confident: Confidence, and whether it was right.
        precision: From 0 to 1.
    """
    best, hits = 0, 0
    ranked = sorted(confident, key=lambda pair: -pair[0])
    for number, (_, fits) in enumerate(ranked, 1):
        hits += fits
        if hits >= precision * number and (
            number == len(ranked) or ranked[number][0] < ranked[number - 1][0]
        ):
            best = number
    return best / len(ranked)


def calibration_error(confident: Sequence[tuple[float, bool]], bins: int = BINS) -> float:
    """Expected calibration error, after Naeini et al., 2015.

    Args:
        confident: Confidence, and whether it was right.
        bins: Of equal width.
    """
    total = 0.0
    for number in range(bins):
        inside = [
            pair
            for pair in confident
            if number / bins < pair[0] <= (number + 1) / bins or (number == 0 and pair[0] == 0)
        ]
        if inside:
            total += abs(sum(one for one, _ in inside) - sum(two for _, two in inside))
    return total / len(confident)
