"""Reading without searching: pages, archives, what has no vector yet, and how much there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, tuple_

from memory.protocol import MemoryStoreError
from memory.records import Counts
from memory.sql.rows import columns, items_of, plain, unplain
from memory.sql.selecting import condition
from memory.sql.tables import records, vectors

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from memory.records import Item, Selection


def page(connection: Connection, namespace: str, selection: Selection, limit: int, after: str) -> list[Item]:
    """Give a page of what is selected; see `Memory.list`."""
    kept = records.c
    query = select(*columns()).where(condition(namespace, selection))
    if after:
        last = select(kept.told_at).where(kept.namespace == plain(namespace), kept.id == plain(after))
        told_at = connection.execute(last).scalar()
        if told_at is None:
            raise MemoryStoreError(f"The record {after} is no longer there: list from the start again.")
        query = query.where(tuple_(kept.told_at, kept.id) > (told_at, after))
    rows = connection.execute(query.order_by(kept.told_at, kept.id).limit(limit)).all()
    return items_of(connection, rows)


def without_vector(connection: Connection, namespace: str, model: str, limit: int) -> list[Item]:
    """Give records that have no vector of a model; see `Memory.without_vector`."""
    kept = records.c
    has_one = (
        select(vectors.c.stamp)
        .where(vectors.c.record == kept.number, vectors.c.model == plain(model))
        .exists()
    )
    query = (
        select(*columns())
        .where(kept.namespace == plain(namespace), kept.valid_to.is_(None), ~has_one)
        .order_by(kept.told_at.desc(), kept.id.desc())
        .limit(limit)
    )
    return items_of(connection, connection.execute(query).all())


def revisions(connection: Connection, namespace: str, archive: str) -> dict[str, str]:
    """The files of an archive; see `Memory.revisions`."""
    kept = records.c
    query = (
        select(kept.path, func.max(kept.revision))
        .where(kept.namespace == plain(namespace), kept.kind == "chunk", kept.archive == plain(archive))
        .group_by(kept.path)
    )
    return {unplain(path): unplain(revision) for path, revision in connection.execute(query)}


def archives(connection: Connection, namespace: str) -> dict[str, int]:
    """The archives; see `Memory.archives`."""
    kept = records.c
    query = (
        select(kept.archive, func.count())
        .where(kept.namespace == plain(namespace), kept.kind == "chunk")
        .group_by(kept.archive)
    )
    return {unplain(archive): count for archive, count in connection.execute(query)}


def counts(connection: Connection, namespace: str) -> Counts:
    """How much there is; see `Memory.status`."""
    kept, mine = records.c, records.c.namespace == plain(namespace)
    by_kind = (
        select(kept.kind, func.count().label("many")).where(mine, kept.valid_to.is_(None)).group_by(kept.kind)
    )
    ended = select(func.count()).where(mine, kept.valid_to.is_not(None))
    embedded = select(func.count(vectors.c.record.distinct())).where(vectors.c.namespace == plain(namespace))
    return Counts(
        by_kind={row.kind: row.many for row in connection.execute(by_kind)},
        superseded=connection.execute(ended).scalar_one(),
        vectors=connection.execute(embedded).scalar_one(),
    )
