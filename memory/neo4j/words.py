"""What records are filed under in the full-text index, and how it is asked."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, get_args

from memory.records import Kind
from memory.scoring import CONTEXT_WEIGHT, main_text
from memory.words import index_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memory.records import Query, Record

MOST_WORDS: Final = 64
"""Of a long request so many words are looked up; those that tell most."""

_SYNTAX: Final = re.compile(r'([-+&|!(){}\[\]^"~*?:\\/<>=])')
_TOKEN_BYTES: Final = 12


def token(sort: str, *parts: str) -> str:
    """A word of the index that stands for anything, in letters and digits alone."""
    data = "\0".join(parts).encode("utf-8", "surrogatepass")
    return sort + blake2b(data, digest_size=_TOKEN_BYTES).hexdigest()


def keys(namespace: str, record: Record, *, holds: bool) -> str:
    """What a record is picked by: the shelf of its namespace where it lies, if it holds."""
    return token("s", namespace, *shelf(record)) if holds else token("x", namespace)


def shelf(record: Record) -> tuple[str, ...]:
    """Where in its namespace a record lies: chunks of each archive apart, all else by kind."""
    return ("chunk", record.archive) if record.kind == "chunk" else (record.kind,)


def shelves(query: Query) -> list[tuple[str, ...]]:
    """Where a query looks."""
    kinds = [kind for kind in get_args(Kind) if not query.kinds or kind in query.kinds]
    plain = [(kind,) for kind in kinds if kind != "chunk"]
    chunks = [("chunk", archive) for archive in dict.fromkeys(query.archives)] if "chunk" in kinds else []
    return [*plain, *chunks]


def main_words(record: Record) -> str:
    """The words that a record itself holds."""
    return " ".join(index_words(main_text(record)))


def context_words(record: Record) -> str:
    """The words around it."""
    return " ".join(index_words(record.context))


def lucene(namespace: str, query: Query, words: Mapping[str, float]) -> str:
    """The query in Lucene's syntax: any of the words, on the shelves of one namespace and nowhere else."""
    telling = sorted(words, key=lambda word: -words[word])[:MOST_WORDS]
    # The shelf decides whether, and only the words how well.
    where = " ".join(token("s", namespace, *one) for one in shelves(query))
    what = " ".join(
        f"main:{escaped(word)}^{words[word]:.3f} around:{escaped(word)}^{words[word] * CONTEXT_WEIGHT:.3f}"
        for word in telling
    )
    return f"+keys:({where})^0 +({what})"


def escaped(word: str) -> str:
    """A word that means itself in Lucene's syntax, whatever signs it holds."""
    # Operators are words in capitals; ours are in lower case, and this must not rest on that alone.
    text = _SYNTAX.sub(r"\\\1", word)
    return f"\\{text}" if word in ("AND", "OR", "NOT", "TO") else text
