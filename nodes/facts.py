"""A fact that somebody tells, as memory keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memory.records import Record

if TYPE_CHECKING:
    from memory.records import Origin
    from nodes.telling import Told


def fact_record(told: Told, origin: Origin, subject: str | None = None) -> Record:
    """Make a record of what was told.

    Args:
        told: The statement, with the subject and the names that rules found in it.
        origin: Who told it, and when.
        subject: In place of that subject; none when empty.

    Raises:
        ValueError: When the text is empty, too long or holds half of a character.
    """
    return Record(
        kind="fact",
        text=told.text,
        subject=told.subject if subject is None else subject,
        entities=told.entities,
        origin=origin,
    )
