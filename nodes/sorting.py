"""The local tier of routing: the classifier that ships, as a cascade asks it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nodes.context import Subject, Task
from routing.classifier import Classifier
from routing.weights import FILE

CERTAIN: Final = "hard_signal"


@dataclass(frozen=True, slots=True)
class LocalGuess:
    """What it makes of a text; implements `nodes.decisions.Guess`.

    Attributes:
        label: The likeliest task.
        subject: What it is about, where it is an explanation.
        confidence: Calibrated, from 0 to 1.
        is_sure: Whether it stands by its guess.
        is_certain: Whether a rule says so that needs no guess.
    """

    label: Task
    subject: Subject
    confidence: float
    is_sure: bool
    is_certain: bool = False


class LocalClassifier:
    """Reads its weights at the first text, once a process."""

    def __init__(self, weights: Path = FILE) -> None:
        """Note where they lie.

        Args:
            weights: As `python -m benchmarks.routing.train` wrote them.
        """
        self._weights = weights

    def sort(self, text: str, *, has_code: bool) -> LocalGuess:
        """Say what a text is; the same for the same text, always.

        Raises:
            WeightsError: When the weights are missing or damaged.
        """
        found = Classifier.load(self._weights).decide(text, has_code=has_code)
        return LocalGuess(found.label, found.subject, found.confidence, found.is_sure, found.tier == CERTAIN)
