"""How a value is stored: as it is, as a piece of its own, or as a list of pieces.

A piece is stored once in its thread and never changes. A list is a row of spans of pieces, so a list that
grew by one item costs one piece and a span that is longer by one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

ITEM = "#item"
LIST = "#list"

INLINE_BYTES = 256
"""Values up to this size stand in their row; larger ones become pieces."""

Span: TypeAlias = tuple[int, int]
"""First number and count of neighbouring pieces of one thread."""

_SPAN = struct.Struct("<QI")
_SHIFT = 32
_MASK = (1 << _SHIFT) - 1


class Plain(NamedTuple):
    """A small value, serialised."""

    kind: str
    data: bytes


class Piece(NamedTuple):
    """A large value or an item of a list, serialised.

    Attributes:
        kind: The serialiser's name for the form.
        data: The bytes as they are stored.
        digest: Of the bytes before encryption; in memory only.
    """

    kind: str
    data: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Base:
    """A list that is stored already, which a new one repeats in part.

    Attributes:
        channel: Its channel.
        version: Its version.
        spans: What is stored under it.
    """

    channel: str
    version: str | float
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Pieces:
    """A list.

    Attributes:
        parts: New pieces, and slices (start, count) of `base`'s items, in order.
        base: What the slices are of; None when there are none.
    """

    parts: Sequence[Piece | Span]
    base: Base | None = None


Encoded: TypeAlias = Plain | Piece | Pieces


def weight(value: Encoded) -> int:
    """About how many bytes of a value are to be written."""
    if isinstance(value, Pieces):
        return sum(len(part.data) for part in value.parts if isinstance(part, Piece))
    return len(value.data)


def place(thread: int, number: int) -> int:
    """Key of a thread's row with this number."""
    return thread << _SHIFT | number


def number(place: int) -> int:
    """The number within its thread of a row's key."""
    return place & _MASK


def pack(spans: Sequence[Span]) -> bytes:
    """Write spans as bytes."""
    return b"".join(_SPAN.pack(*span) for span in spans)


def unpack(data: bytes) -> tuple[Span, ...]:
    """Read spans; the opposite of `pack`.

    Raises:
        struct.error: When the bytes are damaged.
    """
    return tuple(_SPAN.iter_unpack(data))


def joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Join spans that continue each other."""
    joint: list[Span] = []
    for first, count in spans:
        if joint and joint[-1][0] + joint[-1][1] == first:
            joint[-1] = (joint[-1][0], joint[-1][1] + count)
        elif count:
            joint.append((first, count))
    return tuple(joint)


def cut(spans: Sequence[Span], start: int, count: int) -> list[Span]:
    """The spans of `count` items from the `start`-th on."""
    found: list[Span] = []
    for first, length in spans:
        if count <= 0:
            break
        if start < length:
            taken = min(count, length - start)
            found.append((first + start, taken))
            start, count = 0, count - taken
        else:
            start -= length
    return found


def length(spans: Sequence[Span]) -> int:
    """How many items the spans hold."""
    return sum(count for _, count in spans)
