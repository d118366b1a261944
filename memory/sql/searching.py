"""Finding: candidates from the index of words and from vectors, ranked by what all backends share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import select

from memory.records import Hit
from memory.scoring import Scorer
from memory.sql.database import raw
from memory.sql.rows import columns, items_of, plain
from memory.sql.tables import records, spaces
from memory.sql.words import filed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from memory.records import Query
    from memory.sql.vectors import VectorSearch
    from memory.sql.words import Words

_CANDIDATES: Final = 50
_MOST_WORDS: Final = 64
_MOST_ASKED: Final = 512

_RANKED_RECORDS: Final = 3000
"""How many records a space's index ranks at most for one query; words that more records hold only help to
choose among them."""

_COMMON_WORDS: Final = 4

# Reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009), the second list with less weight.
_RANK_OFFSET: Final = 60
_VECTOR_WEIGHT: Final = 0.4


class _Found(NamedTuple):
    number: int
    score: float
    rank: int


def search(
    connection: Connection, words: Words, near: VectorSearch, namespace: str, query: Query, place: str
) -> list[Hit]:
    """Find what fits best; see `Memory.search`."""
    asked = _spaces(connection, namespace, query)
    if not asked:
        return []
    scorer = Scorer(query.text)
    limit = max(_CANDIDATES, 2 * query.max_results)
    likely: dict[int, int] = {}
    for space in asked:
        for rank, number in enumerate(_candidates(connection, words, scorer.words, space, limit)):
            likely.setdefault(number, rank)
    alike: dict[int, float] = {}
    if query.vector:
        key = (namespace, query.vector_model)
        alike = dict(near.nearest(connection, key, query.vector, asked, limit))
    ranked = _rank(connection, words, scorer, likely, alike)
    best = [one for one in ranked if one.score > 0 and one.score >= query.min_score][: query.max_results]
    return _hits(connection, best, place)


def _spaces(connection: Connection, namespace: str, query: Query) -> list[int]:
    """Where to look: nothing else is looked at."""
    rows = connection.execute(select(spaces).where(spaces.c.namespace == plain(namespace))).all()
    archives = set(map(plain, query.archives))
    return [
        row.number
        for row in rows
        if (not query.kinds or row.kind in query.kinds) and (row.kind != "chunk" or row.archive in archives)
    ]


def _candidates(
    connection: Connection, words: Words, asked: Mapping[str, float], space: int, limit: int
) -> list[int]:
    """The records of a space that hold the query's rarest words; then some that hold its common ones."""
    telling = sorted(asked, key=lambda word: -asked[word])[:_MOST_WORDS]
    driver = raw(connection)
    counts = words.counts(driver, [filed(space, word) for word in telling], _RANKED_RECORDS)
    by_rarity = sorted((word for word in counts if counts[word]), key=counts.__getitem__)
    rare: list[str] = []
    total = 0
    for word in by_rarity:
        total += counts[word]
        if total > _RANKED_RECORDS:
            break
        rare.append(word)
    found = list(words.any_of(driver, rare, limit)) if rare else []
    common = by_rarity[len(rare) :]
    # Too many records hold these to rank them all: those that hold several, and the newest.
    for several in ([*rare[:1], *common[:_COMMON_WORDS]], common[:_COMMON_WORDS], common[:2], common[:1]):
        if common and len(found) < 2 * limit:
            found += words.all_of(driver, several, limit)
    return list(dict.fromkeys(found))


def _rank(
    connection: Connection,
    words: Words,
    scorer: Scorer,
    likely: Mapping[int, int],
    alike: Mapping[int, float],
) -> list[_Found]:
    """Order candidates by score; where there are vectors, by their place in both lists."""
    numbers = list(dict.fromkeys((*likely, *alike)))
    found = []
    for one in words.read(raw(connection), numbers):
        main, context = (_bare(text) for text in (one.main, one.context))
        score = scorer.of_words(main, context, alike.get(one.number))
        found.append(_Found(one.number, score, likely.get(one.number, len(likely))))
    found.sort(key=lambda one: (-one.score, one.rank))
    return found


def _bare(words: str) -> set[str]:
    return {word.partition("_")[2] for word in words.split()}


def _hits(connection: Connection, best: Sequence[_Found], place: str) -> list[Hit]:
    query = select(*columns()).where(records.c.number.in_([one.number for one in best]))
    rows = connection.execute(query).all()
    items = dict(zip([row.number for row in rows], items_of(connection, rows, place), strict=True))
    return [Hit(item=items[one.number], score=one.score) for one in best]
