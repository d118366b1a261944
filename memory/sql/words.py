"""The index of words: which records of a space hold which, on SQLite (FTS5) and on PostgreSQL (tsvector).

Each word is filed together with the number of its space, so that a space's records are an index of their own:
what is rare in it is found beside millions of others, and nothing of another space is ever looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from memory.scoring import CONTEXT_WEIGHT, main_text
from memory.sql.rows import batches
from memory.sql.schema import WORDS
from memory.words import index_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from memory.records import Record

Groups = Sequence[Sequence[str]]

_MOST_WORDS: Final = 20_000
# A tsvector keeps no position behind this one.
_LAST_POSITION: Final = 16_383


class Filed(NamedTuple):
    """A record's words.

    Attributes:
        number: Of the record.
        main: The words that count fully, each after its space's number.
        context: The words around it, in the same way.
    """

    number: int
    main: str
    context: str


class Words(Protocol):
    """The index, on a driver's own connection; words that it is asked for come from `filed`."""

    def add(self, connection: Any, rows: Sequence[Filed]) -> None:  # noqa: ANN401 - either driver's
        """File records that are not yet there."""
        ...

    def remove(self, connection: Any, numbers: Iterable[int]) -> None:  # noqa: ANN401 - the same
        """Take records out."""
        ...

    def counts(self, connection: Any, words: Sequence[str], most: int) -> Mapping[str, int]:  # noqa: ANN401
        """How many records hold each word, counted up to `most`."""
        ...

    def any_of(self, connection: Any, words: Sequence[str], limit: int) -> Sequence[int]:  # noqa: ANN401
        """The records that hold any of the words, those that fit best first."""
        ...

    def one_of_each(self, connection: Any, groups: Groups, limit: int) -> Sequence[int]:  # noqa: ANN401
        """Records that hold a word of each group, those kept last first."""
        ...

    def read(self, connection: Any, numbers: Sequence[int]) -> Sequence[Filed]:  # noqa: ANN401
        """The words of records."""
        ...


def filed(space: int, word: str) -> str:
    """A word as it is filed in a space."""
    return f"{space}_{word}"


def file_record(number: int, space: int, record: Record) -> Filed:
    """Take a record apart."""
    main, context = (
        " ".join(filed(space, word) for word in islice(index_words(text), _MOST_WORDS))
        for text in (main_text(record), record.context)
    )
    return Filed(number, main, context)


class Fts5Words:
    """In a full-text table of SQLite."""

    def add(self, connection: Any, rows: Sequence[Filed]) -> None:  # noqa: ANN401 - see `Words`
        """File records; see `Words`."""
        connection.executemany(f"INSERT INTO {WORDS} (rowid, main, context) VALUES (?, ?, ?)", rows)  # noqa: S608 - a constant

    def remove(self, connection: Any, numbers: Iterable[int]) -> None:  # noqa: ANN401
        """Take records out; see `Words`."""
        connection.executemany(f"DELETE FROM {WORDS} WHERE rowid = ?", [(one,) for one in numbers])  # noqa: S608

    def counts(self, connection: Any, words: Sequence[str], most: int) -> dict[str, int]:  # noqa: ANN401
        """Count; see `Words`."""
        query = f"SELECT count(*) FROM (SELECT 1 FROM {WORDS} WHERE {WORDS} MATCH ? LIMIT ?)"  # noqa: S608
        return {word: connection.execute(query, (_quoted(word), most)).fetchone()[0] for word in words}

    def any_of(self, connection: Any, words: Sequence[str], limit: int) -> list[int]:  # noqa: ANN401
        """Rank; see `Words`."""
        query = (
            f"SELECT rowid FROM {WORDS} WHERE {WORDS} MATCH ? "  # noqa: S608
            f"ORDER BY bm25({WORDS}, 1, {CONTEXT_WEIGHT}), rowid DESC LIMIT ?"
        )
        found = connection.execute(query, (" OR ".join(map(_quoted, words)), limit))
        return [number for (number,) in found]

    def one_of_each(self, connection: Any, groups: Groups, limit: int) -> list[int]:  # noqa: ANN401
        """Look up; see `Words`."""
        query = f"SELECT rowid FROM {WORDS} WHERE {WORDS} MATCH ? ORDER BY rowid DESC LIMIT ?"  # noqa: S608
        asked = " AND ".join(f"({' OR '.join(map(_quoted, group))})" for group in groups)
        return [number for (number,) in connection.execute(query, (asked, limit))]

    def read(self, connection: Any, numbers: Sequence[int]) -> list[Filed]:  # noqa: ANN401
        """Read; see `Words`."""
        query = f"SELECT rowid, main, context FROM {WORDS} WHERE rowid = ?"  # noqa: S608
        rows = (connection.execute(query, (number,)).fetchone() for number in numbers)
        return [Filed(*row) for row in rows if row is not None]


class TsvectorWords:
    """In a table of PostgreSQL; no language of the server's is asked, our words are its lexemes."""

    def add(self, connection: Any, rows: Sequence[Filed]) -> None:  # noqa: ANN401 - see `Words`
        """File records; see `Words`."""
        query = f"INSERT INTO {WORDS} (record, main, context, vector) VALUES (%s, %s, %s, %s::tsvector)"  # noqa: S608
        values = [(*row, f"{_lexemes(row.main, 'A')} {_lexemes(row.context, 'D')}") for row in rows]
        with connection.cursor() as cursor:
            cursor.executemany(query, values)

    def remove(self, connection: Any, numbers: Iterable[int]) -> None:  # noqa: ANN401
        """Take records out; see `Words`."""
        for batch in batches(numbers):
            connection.execute(f"DELETE FROM {WORDS} WHERE record = ANY(%s)", (batch,))  # noqa: S608

    def counts(self, connection: Any, words: Sequence[str], most: int) -> dict[str, int]:  # noqa: ANN401
        """Count; see `Words`."""
        query = (
            "SELECT word, (SELECT count(*) FROM "  # noqa: S608
            f"(SELECT 1 FROM {WORDS} WHERE vector @@ quoted::tsquery LIMIT %s) AS found) "
            "FROM unnest(%s::text[], %s::text[]) AS asked (word, quoted)"
        )
        asked = list(words)
        return dict(connection.execute(query, (most, asked, [_lexeme(word) for word in asked])).fetchall())

    def any_of(self, connection: Any, words: Sequence[str], limit: int) -> list[int]:  # noqa: ANN401
        """Rank; see `Words`."""
        asked = " | ".join(map(_lexeme, words))
        query = (
            f"SELECT record FROM {WORDS} WHERE vector @@ %s::tsquery ORDER BY "  # noqa: S608
            f"ts_rank('{{{CONTEXT_WEIGHT},0,0,1}}', vector, %s::tsquery, 1) DESC, record DESC LIMIT %s"
        )
        return [number for (number,) in connection.execute(query, (asked, asked, limit)).fetchall()]

    def one_of_each(self, connection: Any, groups: Groups, limit: int) -> list[int]:  # noqa: ANN401
        """Look up; see `Words`."""
        query = f"SELECT record FROM {WORDS} WHERE vector @@ %s::tsquery ORDER BY record DESC LIMIT %s"  # noqa: S608
        asked = " & ".join(f"({' | '.join(map(_lexeme, group))})" for group in groups)
        return [number for (number,) in connection.execute(query, (asked, limit)).fetchall()]

    def read(self, connection: Any, numbers: Sequence[int]) -> list[Filed]:  # noqa: ANN401
        """Read; see `Words`."""
        query = f"SELECT record, main, context FROM {WORDS} WHERE record = ANY(%s)"  # noqa: S608
        return [Filed(*row) for row in connection.execute(query, (list(numbers),)).fetchall()]


def _quoted(word: str) -> str:
    return f'"{word}"'


def _lexeme(word: str) -> str:
    return f"'{word}'"


def _lexemes(words: str, weight: str) -> str:
    """Words with their places, as PostgreSQL writes them."""
    return " ".join(
        f"'{word}':{min(place, _LAST_POSITION)}{weight}" for place, word in enumerate(words.split(), 1)
    )
