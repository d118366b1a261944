"""Items as properties of nodes and edges, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from memory.neo4j.words import context_words, keys, main_words, shelf, token
from memory.protocol import MemoryStoreError
from memory.records import Item, Origin, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LABELS: Final = {
    "fact": "Fact",
    "insight": "Insight",
    "pattern": "Pattern",
    "episode": "Episode",
    "chunk": "Chunk",
}
"""The label of each kind beside `DuographRecord`; text never becomes one."""

BRANCH_CHARS: Final = 300
"""So much of a path is indexed; an entry of the index has an end."""

MANY: Final = 500
"""How many rows one statement writes at most."""

_KEY_CHARS: Final = 255
_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_RECORD: Final = ("kind", "text", "subject", "context", "entities", "archive", "path")
_LINES: Final = ("first_line", "last_line", "revision")
_ORIGIN: Final = ("session", "turn", "source", "proof", "confidence", "at")

ITEM: Final = (
    "r {.id, .valid_from, .valid_to, .superseded_by, "
    + ", ".join(f".{name}" for name in (*_RECORD, *_LINES))
    + ", origins: [(r)-[o:FROM]->(s:DuographSession) | o {.*, session: s.id}]} AS item"
)
"""What `item_of` reads, of a record named r."""


def record_row(namespace: str, item: Item) -> dict[str, Any]:
    """What a statement needs to make a record: its properties, entities and origins."""
    record = item.record
    properties: dict[str, Any] = {name: getattr(record, name) for name in (*_RECORD, *_LINES)}
    properties |= {
        "namespace": namespace,
        "id": item.id,
        "entities": list(record.entities),
        "subject_key": record.subject_key,
        "branch": record.path[:BRANCH_CHARS],
        "told_at": _utc(item.origins[0].at),
        "position": position(item.origins[0].at, item.id),
        "main": main_words(record),
        "around": context_words(record),
    }
    properties |= state(namespace, item)
    named: dict[str, str] = {}
    for entity in filter(None, record.entities):
        named.setdefault(entity.casefold()[:_KEY_CHARS], entity)
    return {
        "properties": properties,
        "entities": [{"key": key, "name": name} for key, name in named.items()],
        "origins": [origin_row(place, origin) for place, origin in enumerate(item.origins)],
    }


def state(namespace: str, item: Item) -> dict[str, Any]:
    """The properties of a record that change."""
    return {
        "valid_from": _utc(item.valid_from),
        "valid_to": None if item.valid_to is None else _utc(item.valid_to),
        "superseded_by": item.superseded_by,
        "keys": keys(namespace, item.record, holds=item.valid_to is None),
    }


def origin_row(place: int, origin: Origin) -> dict[str, Any]:
    """An edge to a session; `place` keeps the order."""
    properties = origin.model_dump(exclude={"session"}) | {"at": _utc(origin.at), "place": place}
    return {"session": origin.session, "properties": properties}


def space(namespace: str, model: str, where: tuple[str, ...]) -> str:
    """Names the vectors of one model on one shelf of a namespace."""
    return token("v", namespace, model, *where)


def space_of(namespace: str, model: str, record: Record) -> str:
    """The space of a record's vector."""
    return space(namespace, model, shelf(record))


def item_of(found: Mapping[str, Any], place: str) -> Item:
    """Read what `ITEM` returned.

    Raises:
        MemoryStoreError: When it cannot be read.
    """
    try:
        told = sorted(found["origins"], key=lambda origin: int(origin["place"]))
        origins = tuple(
            Origin(**{name: _native(origin[name]) for name in _ORIGIN if name in origin}) for origin in told
        )
        fields = {name: found[name] for name in (*_RECORD, *_LINES)} | {"entities": tuple(found["entities"])}
        return Item(
            id=found["id"],
            record=Record(**fields, origin=origins[0]),
            origins=origins,
            valid_from=_native(found["valid_from"]),
            valid_to=_native(found["valid_to"]),
            superseded_by=found["superseded_by"],
        )
    except (ValidationError, KeyError, TypeError, IndexError, ValueError) as error:
        raise MemoryStoreError(
            f"The record {found.get('id')} in {place} is damaged: restore a copy of the database, or be "
            f"rid of it with `duograph memory forget {found.get('id')}`."
        ) from error


def batches(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut into lists that one statement writes."""
    for start in range(0, len(values), MANY):
        yield values[start : start + MANY]


def position(moment: datetime, record_id: str = "") -> str:
    """Where a record stands in its namespace, oldest first: texts that sort by moment, then by id.

    The database compares times of different zones by more than the moment.
    """
    return f"{(moment - _FIRST) // _TICK:018}{record_id}"


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _native(value: Any) -> Any:  # noqa: ANN401 - whatever the driver gives
    """A time of the driver as one of Python."""
    return value.to_native().astimezone(UTC) if hasattr(value, "to_native") else value
