"""The local classifier: a label, how sure it is of it, and whether that is enough."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import add, itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, Protocol, cast

from routing.features import Features, features
from routing.labels import LABELS, Label, Subject
from routing.lexicon import UNSPACED, lexicon
from routing.meaning import Meaning
from routing.signals import hard_signal
from routing.view import View, view
from routing.weights import FILE, ZERO, Head, Weights, load

Tier = Literal["hard_signal", "local", "abstained"]

NO_SCORES: Final[Mapping[Label, float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Decision:
    """What a text wants.

    Attributes:
        label: The likeliest.
        confidence: How often such a decision is right, from 0 to 1; 1 for a rule.
        tier: Who decided: a certain rule, the classifier, or the classifier without being sure enough.
        scores: The chance of each label; they sum to 1.
        subject: What it is about, if it is an explanation.
    """

    label: Label
    confidence: float
    tier: Tier
    scores: Mapping[Label, float]
    subject: Subject

    @property
    def is_sure(self) -> bool:
        """Whether nobody else needs to be asked."""
        return self.tier != "abstained"


class Router(Protocol):
    """Something that decides by a text alone, without any model call."""

    def decide(self, text: str, *, has_code: bool = False, has_diff: bool = False) -> Decision:
        """Decide what is wanted; the same for the same arguments, always and everywhere."""
        ...


@dataclass(frozen=True, slots=True)
class Classifier:
    """Rules that are certain, then a linear classifier on hashed features.

    It is multinomial logistic regression with a temperature fitted on registers that it was not trained on,
    after Guo et al., "On Calibration of Modern Neural Networks", 2017.

    Attributes:
        weights: What it has learned.
        meaning: Whose scores are added to those of words; None for words alone.
    """

    weights: Weights
    meaning: Meaning | None = None

    @classmethod
    def load(cls, path: Path = FILE, *, minilm: Path | None = None) -> "Classifier":
        """The classifier that ships; read from disk once.

        Args:
            path: A file of weights that `python -m benchmarks.routing.train` wrote.
            minilm: A model's folder whose vectors count too; some tenths of a second to read.

        Raises:
            WeightsError: A file of weights is missing, damaged, or of another version.
            ModelFolderError: The folder holds no such model, or another one than was trained with.
            ExtraMissingError: The extra `minilm` is not installed.
        """
        return _loaded(path, minilm)

    def decide(self, text: str, *, has_code: bool = False, has_diff: bool = False) -> Decision:
        """Decide what a text wants.

        Args:
            text: What the user wrote, of any length; only its beginning and its end are read.
            has_code: Whether files of code came with it.
            has_diff: Whether a diff came with it.
        """
        seen = view(text)
        found = features(seen, has_code=has_code or has_diff)
        head, about = self.weights.label, self.weights.subject
        sums, topics = self.sums(found, head), self.sums(found, about)
        certain = hard_signal(seen, has_code=has_code, has_diff=has_diff)
        if self.meaning is not None and certain is None:
            more, rest = self.meaning.scores(seen)
            sums, topics = [*map(add, sums, more)], [*map(add, topics, rest)]
            head = self.meaning.heads.label
        subject = cast("Subject", about.names[_best(topics)])
        if certain is not None:
            only = {label: float(label == certain) for label in LABELS}
            return Decision(certain, 1.0, "hard_signal", MappingProxyType(only), subject)
        chances = softmax(sums, head.temperature)
        scores = cast("dict[Label, float]", dict(zip(head.names, chances, strict=True)))
        best = _best(chances)
        sure = chances[best] >= head.thresholds[best] and not _unread(seen)
        label = cast("Label", head.names[best])
        return Decision(
            label, chances[best], "local" if sure else "abstained", MappingProxyType(scores), subject
        )

    def sums(self, found: Features, head: Head) -> list[float]:
        """The score of each of a head's names by the words, in their order.

        Args:
            found: What stands in the text.
            head: Which decision.
        """
        sums = [0.0] * len(head.names)
        for gain, places in zip(self.weights.gains, (found.words, found.parts, found.shape), strict=True):
            if places:
                worth = head.scale * gain / math.sqrt(len(places))
                pick = _picker(places)
                nought = ZERO * len(places)
                for number, column in enumerate(head.columns):
                    sums[number] += worth * (sum(pick(column)) - nought)
        return sums


def _best(scores: Sequence[float]) -> int:
    """The place of the largest, the first of those that are equal."""
    return max(range(len(scores)), key=scores.__getitem__)


def _unread(seen: View) -> bool:
    """Whether a script without spaces holds no word that the lexicon knows: then nothing was understood."""
    text = "".join(seen.sentences)
    return UNSPACED.search(text) is not None and not lexicon().inside(text)


def _picker(places: tuple[int, ...]) -> Callable[[bytes], Sequence[int]]:
    """Take many bytes at once."""
    if len(places) == 1:
        return lambda column: (column[places[0]],)
    return itemgetter(*places)


def softmax(scores: Sequence[float], temperature: float) -> list[float]:
    """Scores as chances that sum to 1.

    Args:
        scores: Any finite numbers.
        temperature: What they are divided by; above 1 it makes the chances more alike.
    """
    most = max(scores)
    powers = [math.exp((score - most) / temperature) for score in scores]
    total = math.fsum(powers)
    return [power / total for power in powers]


@lru_cache(maxsize=4)
def _loaded(path: Path, minilm: Path | None) -> Classifier:
    return Classifier(load(path), None if minilm is None else Meaning.open(minilm))
