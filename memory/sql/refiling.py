"""Filing all records anew after the rules of words have changed: in batches, each one transaction.

How far it has come lies in the database, so that the next process goes on where one was killed, and several
share the work. What is written meanwhile is filed by the new rules at once; a program with older rules writes
nothing more.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import ValidationError
from sqlalchemy import select, update

from memory import words as rulebook
from memory.protocol import MemoryStoreError
from memory.records import Record
from memory.sql.database import lock_namespace, raw
from memory.sql.rows import unplain
from memory.sql.tables import records, rules
from memory.sql.words import file_record

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from memory.sql.words import Words

BATCH: Final = 500
"""How many records one transaction files anew; others write between two of them."""


class _State(NamedTuple):
    """Which rules are in force, and the last record filed anew by them; None when all are."""

    version: int
    filed: int | None


def is_done(connection: Connection, place: str) -> bool:
    """Whether all words are filed by the rules of this program.

    Raises:
        MemoryStoreError: When they are filed by newer ones.
    """
    state = _state(connection)
    _refuse_newer(state, place)
    return state == (rulebook.RULES, None)


def begin(connection: Connection, place: str) -> None:
    """Put the rules of this program in force, and keep them so to the end of a transaction that writes.

    Raises:
        MemoryStoreError: When newer ones are.
    """
    state = _state(connection)
    if state.version < rulebook.RULES:
        state = _state(connection, lock=True)
        if state.version < rulebook.RULES:
            state = _State(rulebook.RULES, 0)
            connection.execute(update(rules).values(state._asdict()))
    else:
        # Whoever changes the rules waits for those who write by the old ones.
        state = _state(connection, share=True)
    _refuse_newer(state, place)


def refile(connection: Connection, words: Words) -> bool:
    """File the next batch anew, inside a transaction that writes; tell whether there may be more.

    Only one such transaction runs at a time.
    """
    begun = _state(connection)
    if begun.filed is None:
        return False
    kept = records.c
    batch = select(kept.number).where(kept.number > begun.filed).order_by(kept.number).limit(BATCH)
    numbers = list(connection.execute(batch).scalars())
    found = select(kept.namespace).where(kept.number.in_(numbers)).distinct()
    # Before the rules are locked, as those who write do it: else each would wait for the other.
    for namespace in sorted(connection.execute(found).scalars()):
        lock_namespace(connection, unplain(namespace))
    if _state(connection, lock=True) != begun:
        return True
    holding = select(kept.number, kept.space, kept.body).where(
        kept.number.in_(numbers), kept.valid_to.is_(None)
    )
    filed = []
    for row in connection.execute(holding):
        with suppress(ValidationError):  # damaged, as every list of it says
            filed.append(file_record(row.number, row.space, Record.model_validate_json(row.body)))
    words.remove(raw(connection), numbers)
    if filed:
        words.add(raw(connection), filed)
    connection.execute(update(rules).values(filed=numbers[-1] if numbers else None))
    return bool(numbers)


def _state(connection: Connection, *, lock: bool = False, share: bool = False) -> _State:
    query = select(rules.c.version, rules.c.filed)
    if lock or share:  # SQLite has no such words, and locks the whole file
        query = query.with_for_update(read=share)
    return _State(*connection.execute(query).one())


def _refuse_newer(state: _State, place: str) -> None:
    if state.version > rulebook.RULES:
        raise MemoryStoreError(
            f"The memory in {place} is of a newer version of Duograph (its words are filed by the rules "
            f"{state.version}, and {rulebook.RULES} are known): update Duograph, or switch memory off with "
            "DUOGRAPH_MEMORY=0."
        )
