"""How well a record answers a query, as one number that means the same in every backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from memory.words import FAINT_WEIGHT, index_words, query_words

if TYPE_CHECKING:
    from collections.abc import Collection

    from memory.records import Record

CONTEXT_WEIGHT: Final = 0.5
"""What a word counts that only stands around the record."""

_FULL_WORDS = 6.0
_EACH_FURTHER = 0.25

# Cosines of sentence embeddings: less than the first says nothing, more than the second is the same text.
_UNLIKE, _ALIKE = 0.2, 0.9


def main_text(record: Record) -> str:
    """What of a record is searched with full weight: its text, and the names that it goes by."""
    return "\n".join((record.text, record.subject, *record.entities, record.path))


class Scorer:
    """Holds one query, to score many records.

    Attributes:
        words: What is looked for, with what each word counts.
    """

    def __init__(self, text: str) -> None:
        """Take the query apart."""
        self.words = query_words(text)
        total = sum(self.words.values())
        # Of a long request no record holds every word, and it need not.
        # Words that say little cannot say all, unless they are asked for.
        self._whole = max(
            FAINT_WEIGHT, min(total, _FULL_WORDS) + _EACH_FURTHER * max(0.0, total - _FULL_WORDS)
        )

    def score(self, record: Record, similarity: float | None = None) -> float:
        """Tell how much of the query a record holds, 0 to 1.

        Args:
            record: Any record.
            similarity: The cosine of query and record as vectors, where it is known.
        """
        main = set(index_words(main_text(record)))
        return self.of_words(main, set(index_words(record.context)), similarity)

    def of_words(
        self, main: Collection[str], context: Collection[str], similarity: float | None = None
    ) -> float:
        """The same for a record that has been taken apart: the larger of words' share and vectors' likeness.

        Args:
            main: The words of its text, subject, entities and path.
            context: The words around it.
            similarity: See `score`.
        """
        share = sum(
            weight * (1.0 if word in main else CONTEXT_WEIGHT if word in context else 0.0)
            for word, weight in self.words.items()
        )
        lexical = min(1.0, share / self._whole) if self._whole else 0.0
        return max(lexical, likeness(similarity))


def likeness(similarity: float | None) -> float:
    """Bring a cosine to the scale of scores; 0 where there is none."""
    if similarity is None:
        return 0.0
    return min(1.0, max(0.0, (similarity - _UNLIKE) / (_ALIKE - _UNLIKE)))


def score(query: str, record: Record, similarity: float | None = None) -> float:
    """Tell how much of a query a record holds, 0 to 1; see `Scorer`, which is for many records."""
    return Scorer(query).score(record, similarity)
