"""The usual baseline: TF-IDF of words and pairs, and logistic regression, trained on the same prompts."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from benchmarks.routing.data import Example
from benchmarks.routing.fitting import Rows, fit, softmax
from routing.labels import LABELS, Label

_WORD: Final = re.compile(r"(?u)\b\w\w+\b")
MAX_CHARS: Final = 20_000


class TfIdf:
    """Sublinear TF-IDF of words and pairs, each row of length 1, after scikit-learn's defaults for text."""

    def __init__(self, examples: Sequence[Example]) -> None:
        counted = [_terms(example.text) for example in examples]
        often = Counter(term for terms in counted for term in terms)
        kept = sorted(term for term, count in often.items() if count > 1)
        self._places = {term: place for place, term in enumerate(kept, 1)}
        self._rare = {term: math.log((1 + len(counted)) / (1 + often[term])) + 1 for term in kept}
        targets = np.eye(len(LABELS))[[LABELS.index(example.label) for example in examples]]
        weights = np.array([example.weight for example in examples])
        rows = Rows.of([self._row(terms) for terms in counted], len(kept) + 1)
        self._matrix = fit(rows, targets, weights, penalty=1.0 / weights.sum(), steps=80)

    def decide(self, text: str) -> tuple[Label, float]:
        """The label, and its chance.

        Args:
            text: What the user wrote.
        """
        row = self._row(_terms(text))
        scores = np.zeros(len(LABELS))
        for place, value in row:
            scores += value * self._matrix[place]
        chances = softmax(scores[None, :])[0]
        return LABELS[int(chances.argmax())], float(chances.max())

    def _row(self, terms: Counter[str]) -> list[tuple[int, float]]:
        row = [
            (self._places[term], (1 + math.log(count)) * self._rare[term])
            for term, count in sorted(terms.items())
            if term in self._places
        ]
        length = math.sqrt(sum(value * value for _, value in row)) or 1.0
        return [(0, 1.0), *((place, value / length) for place, value in row)]


def _terms(text: str) -> Counter[str]:
    words = _WORD.findall(text[:MAX_CHARS].lower())
    return Counter([*words, *(f"{one} {two}" for one, two in pairwise(words))])
