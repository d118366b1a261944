"""Finding: candidates from the index of words and from vectors, ranked by what all backends share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import select

from memory.records import Hit
from memory.scoring import Candidate, Scorer, rank
from memory.sql.database import raw
from memory.sql.rows import columns, items_of, plain
from memory.sql.tables import records, spaces
from memory.sql.words import filed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from memory.records import Query
    from memory.sql.vectors import VectorSearch
    from memory.sql.words import Filed, Words

_CANDIDATES: Final = 50
_MOST_WORDS: Final = 64

_RANKED_RECORDS: Final = 2000
"""How many records a space's index ranks at most for one query; words that more records hold only help to
choose among them."""

_COMMON_WORDS: Final = 4


class _Found(NamedTuple):
    number: int
    score: float


def search(
    connection: Connection, words: Words, near: VectorSearch, namespace: str, query: Query
) -> list[Hit]:
    """Find what fits best; see `Memory.search`."""
    asked = _spaces(connection, namespace, query)
    if not asked:
        return []
    scorer = Scorer(query.text)
    limit = max(_CANDIDATES, 2 * query.max_results)
    found = [
        number for space in asked for number in _candidates(connection, words, scorer.words, space, limit)
    ]
    alike: dict[int, float] = {}
    if query.vector:
        key = (namespace, query.vector_model)
        alike = dict(near.nearest(connection, key, query.vector, asked, limit))
    ranked = _rank(connection, words, scorer, list(dict.fromkeys((*found, *alike))), alike)
    best = [one for one in ranked if one.score > 0 and one.score >= query.min_score][: query.max_results]
    return _hits(connection, best)


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
    # Too many records hold these to rank them all: those that hold one beside a rare one, several, or any.
    telling_ones = common[:_COMMON_WORDS]
    if rare and common:
        found += words.one_of_each(driver, [rare, telling_ones], limit)
    for some in (telling_ones, common[:2], common[:1]):
        if common and len(found) < limit:
            found += words.one_of_each(driver, [[word] for word in some], limit)
    return list(dict.fromkeys(found))


def _rank(
    connection: Connection, words: Words, scorer: Scorer, numbers: Sequence[int], alike: Mapping[int, float]
) -> list[_Found]:
    """Order candidates, which are given in the order in which they were found."""
    filed_by_number = {one.number: one for one in words.read(raw(connection), numbers)}
    there = [number for number in numbers if number in filed_by_number]
    candidates = [_taken_apart(filed_by_number[number], alike.get(number)) for number in there]
    return [_Found(there[one.place], one.score) for one in rank(scorer, candidates)]


def _taken_apart(one: Filed, similarity: float | None) -> Candidate:
    # All of a record's words are filed in one space: looked for in it, they need not be freed of its number.
    space = (one.main or one.context).partition("_")[0]
    return Candidate(set(one.main.split()), set(one.context.split()), similarity, f"{space}_")


def _hits(connection: Connection, best: Sequence[_Found]) -> list[Hit]:
    query = select(*columns()).where(records.c.number.in_([one.number for one in best]))
    rows = connection.execute(query).all()
    items = dict(zip([row.number for row in rows], items_of(connection, rows), strict=True))
    return [Hit(item=items[one.number], score=one.score) for one in best]
