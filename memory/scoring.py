"""How well a record answers a query, as one number that means the same in every backend."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from memory.words import FAINT_WEIGHT, index_words, query_words

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from memory.records import Record

CONTEXT_WEIGHT: Final = 0.5
"""What a word counts that only stands around the record."""

VECTOR_WEIGHT: Final = 0.4
"""What vectors count in the order, beside 1 for words."""

_FULL_WORDS = 6.0
_EACH_FURTHER = 0.25

# Cosines of sentence embeddings: less than the first says nothing, more than the second is the same text.
_UNLIKE, _ALIKE = 0.2, 0.9


def main_text(record: Record) -> str:
    """What of a record is searched with full weight: its text, and the names that it goes by."""
    return "\n".join((record.text, record.subject, *record.entities, record.path))


class Candidate(NamedTuple):
    """A record taken apart.

    Attributes:
        main: The words of its text, subject, entities and path.
        context: The words around it.
        similarity: The cosine of query and record as vectors, where it is known.
        prefix: What stands before each of these words.
    """

    main: Collection[str]
    context: Collection[str]
    similarity: float | None = None
    prefix: str = ""


class Ranked(NamedTuple):
    """A candidate by its place in the list that was given, and its score, 0 to 1."""

    place: int
    score: float


class Scorer:
    """Holds one query, to score many records.

    Attributes:
        words: What is looked for, with what each word counts.
    """

    def __init__(self, text: str) -> None:
        """Take the query apart."""
        self.words = query_words(text)
        total = sum(self.words.values())
        # Of a long request no record holds every word, and it need not; words that nearly every text holds
        # never say all.
        self._whole = max(
            FAINT_WEIGHT, min(total, _FULL_WORDS) + _EACH_FURTHER * max(0.0, total - _FULL_WORDS)
        )

    def score(self, record: Record, similarity: float | None = None) -> float:
        """Tell how much of the query a record holds, 0 to 1.

        Args:
            record: Any record.
            similarity: The cosine of query and record as vectors, where it is known.
        """
        main, context, *_ = self.candidate(record)
        return self.of_words(main, context, similarity)

    def of_words(
        self, main: Collection[str], context: Collection[str], similarity: float | None = None
    ) -> float:
        """The same for a record that has been taken apart; see `Candidate`."""
        return self.of_held(self.held(Candidate(main, context)), similarity)

    def candidate(self, record: Record, similarity: float | None = None) -> Candidate:
        """Take a record apart, to be ranked among others."""
        main = set(index_words(main_text(record)))
        return Candidate(main, set(index_words(record.context)), similarity)

    def held(self, candidate: Candidate) -> dict[str, float]:
        """Tell which of the query's words a record holds, and how much each counts by its place there."""
        held: dict[str, float] = {}
        for bare in self.words:
            word = candidate.prefix + bare
            if word in candidate.main:
                held[bare] = 1.0
            elif word in candidate.context:
                held[bare] = CONTEXT_WEIGHT
        return held

    def of_held(self, held: Mapping[str, float], similarity: float | None) -> float:
        """The score of a record that holds these words: the larger of their share and vectors' likeness."""
        share = sum(self.words[word] * counts for word, counts in held.items())
        lexical = min(1.0, share / self._whole) if share else 0.0
        return max(lexical, likeness(similarity))


def rank(scorer: Scorer, candidates: Sequence[Candidate]) -> list[Ranked]:
    """Order candidates, the best first.

    A word that few of them hold says more than one that most do, and vectors are a second opinion of less
    weight; of those that are alike, the one that came first stays first.

    Args:
        scorer: Of the query.
        candidates: What a backend found, in its own order; some 50 to 100.
    """
    held = [scorer.held(one) for one in candidates]
    holders = Counter(word for words in held for word in words)
    weights = {
        word: weight * math.log1p(len(candidates) / (holders[word] or 1))
        for word, weight in scorer.words.items()
    }
    whole = sum(weights.values()) or 1.0
    keys = []
    for words, one in zip(held, candidates, strict=True):
        share = sum(weights[word] * counts for word, counts in words.items()) / whole
        keys.append(share + VECTOR_WEIGHT * likeness(one.similarity))
    order = sorted(range(len(keys)), key=lambda place: -keys[place])
    return [Ranked(place, scorer.of_held(held[place], candidates[place].similarity)) for place in order]


def likeness(similarity: float | None) -> float:
    """Bring a cosine to the scale of scores; 0 where there is none."""
    if similarity is None:
        return 0.0
    return min(1.0, max(0.0, (similarity - _UNLIKE) / (_ALIKE - _UNLIKE)))


def score(query: str, record: Record, similarity: float | None = None) -> float:
    """Tell how much of a query a record holds, 0 to 1; see `Scorer`, which is for many records."""
    return Scorer(query).score(record, similarity)
