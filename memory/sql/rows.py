"""Items as rows, and rows as items."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from sqlalchemy import select

from memory.protocol import MemoryStoreError
from memory.records import Item
from memory.sql.tables import origins, records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Row

    from memory.records import Origin, Record

MANY: Final = 500
"""How many values one statement names at most."""

BRANCH_CHARS: Final = 300

_ESCAPE: Final = re.compile(r"\\([\\0])")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)


def plain(text: str) -> str:
    """Write any text so that every database can hold and compare it: no two become the same."""
    escaped = text.replace("\\", "\\\\").encode("utf-8", "backslashreplace").decode()
    return escaped.replace("\0", "\\0")


def unplain(text: str) -> str:
    """Read what `plain` wrote."""
    return _ESCAPE.sub(lambda found: "\0" if found[1] == "0" else "\\", text)


def ticks(moment: datetime) -> int:
    """A moment as microseconds since 1970."""
    return (moment - _EPOCH) // _TICK


def moment(tick: int) -> datetime:
    """The moment of so many microseconds since 1970."""
    return _EPOCH + tick * _TICK


def record_row(namespace: str, space: int, item: Item) -> dict[str, Any]:
    """The row of a record, without its number."""
    record, path = item.record, plain(item.record.path)
    return {
        "namespace": plain(namespace),
        "space": space,
        "id": item.id,
        "kind": record.kind,
        "subject": plain(record.subject_key),
        "archive": plain(record.archive),
        "branch": path[:BRANCH_CHARS],
        "path": path,
        "revision": plain(record.revision),
        "told_at": ticks(item.origins[0].at),
        "valid_from": ticks(item.valid_from),
        "valid_to": None if item.valid_to is None else ticks(item.valid_to),
        "superseded_by": item.superseded_by,
        # A text of PostgreSQL holds no NUL; JSON writes it as an escape.
        "body": record.model_dump_json(),
    }


def origin_row(number: int, place: int, origin: Origin) -> dict[str, Any]:
    """The row of one origin."""
    return {
        "record": number,
        "place": place,
        "session": plain(origin.session),
        "turn": plain(origin.turn),
        "body": origin.model_dump_json(),
    }


def fresh(record: Record) -> Item:
    """A record as an item that holds since it was told."""
    return Item(id=record.id, record=record, origins=(record.origin,), valid_from=record.origin.at)


def items_of(connection: Connection, rows: Sequence[Row[Any]]) -> list[Item]:
    """Read rows of `records` as items, in their order.

    Raises:
        MemoryStoreError: When one cannot be read.
    """
    told: dict[int, list[str]] = defaultdict(list)
    for numbers in batches([row.number for row in rows]):
        query = (
            select(origins.c.record, origins.c.body)
            .where(origins.c.record.in_(numbers))
            .order_by(origins.c.record, origins.c.place)
        )
        for number, body in connection.execute(query):
            told[number].append(body)
    return [_item(row, told[row.number]) for row in rows]


def columns() -> tuple[Any, ...]:
    """What `items_of` needs of `records`."""
    kept = records.c
    return (kept.number, kept.id, kept.valid_from, kept.valid_to, kept.superseded_by, kept.body)


def batches(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Cut into lists that one statement can name."""
    batch: list[Any] = []
    for value in values:
        batch.append(value)
        if len(batch) == MANY:
            yield batch
            batch = []
    if batch:
        yield batch


def _item(row: Row[Any], told: list[str]) -> Item:
    # One text for one parser: this is what a search spends its time on.
    rest = json.dumps(
        {
            "valid_from": moment(row.valid_from).isoformat(),
            "valid_to": None if row.valid_to is None else moment(row.valid_to).isoformat(),
            "superseded_by": row.superseded_by,
            "id": row.id,
        }
    )
    try:
        return Item.model_validate_json(f'{{"record":{row.body},"origins":[{",".join(told)}],{rest[1:]}')
    except ValidationError as error:
        raise MemoryStoreError(
            f"The record {row.id} is damaged: restore a copy of the database, or be rid of it with "
            f"`duograph memory forget {row.id}`."
        ) from error
