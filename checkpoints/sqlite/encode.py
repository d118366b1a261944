"""From values to what is stored, and back."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from checkpoints.sqlite.columns import Columns
from checkpoints.sqlite.messages import Original, is_message
from checkpoints.sqlite.seen import Seen, can_be_seen
from checkpoints.sqlite.values import INLINE_BYTES, Encoded, Piece, Pieces, Plain, Span

if TYPE_CHECKING:
    from langgraph.checkpoint.serde.base import SerializerProtocol

_SHORT = 8
_DIGEST_BYTES = 16


@dataclass(slots=True)
class Draft:
    """A list that is about to be stored, for `Seen` when it is."""

    objects: list[Any]
    originals: list[Original | None]
    columns: Columns | None


class Encoder:
    """Turns values into stored forms with one serialiser."""

    def __init__(self, serde: SerializerProtocol) -> None:
        """Use `serde`; the parts of an encrypting one are used one by one."""
        self.serde = serde
        self._cipher = serde.cipher if isinstance(serde, EncryptedSerializer) else None
        self._inner = serde.serde if isinstance(serde, EncryptedSerializer) else serde

    def whole(self, value: object) -> tuple[str, bytes]:
        """Serialise something that is stored in one row, whatever its size."""
        return self.serde.dumps_typed(value)

    def value(self, value: object, seen: Seen | None = None) -> tuple[Encoded, Draft | None]:
        """Encode a channel's value or a write.

        Args:
            value: Any value that the serialiser knows.
            seen: What was stored for the channel last; items of it that are here again are not serialised.
        """
        if type(value) is list and value:
            return self._list(value, seen)
        kind, data = self._inner.dumps_typed(value)
        if len(data) > INLINE_BYTES:
            return self._sealed(kind, data), None
        return self._plain(kind, data), None

    def _list(self, value: list[Any], seen: Seen | None) -> tuple[Encoded, Draft | None]:
        parts: list[Piece | Span] = []
        originals: list[Original | None] = []
        # The others were looked at when they were first stored.
        fresh: list[Any] = []
        for part in seen.parts(value) if seen else value:
            if seen and isinstance(part, slice):
                parts.append((part.start, part.stop - part.start))
                originals += seen.originals[part]
                continue
            fresh.append(part)
            kind, data = self._inner.dumps_typed(part)
            parts.append(self._sealed(kind, data))
            # Decoded at once: what is handed out later must be what a fresh process would read.
            originals.append(
                Original(self._inner.loads_typed((kind, data)), part) if is_message(part) else None
            )
        if not seen and len(value) < _SHORT:
            kind, data = self._inner.dumps_typed(value)
            if len(data) <= INLINE_BYTES:
                return self._plain(kind, data), None
        base = seen.base if seen else None
        if not all(map(can_be_seen, fresh)):
            return Pieces(parts, base), None
        return Pieces(parts, base), Draft(list(value), originals, _columns(seen, value, fresh, originals))

    def _plain(self, kind: str, data: bytes) -> Plain:
        if self._cipher is None:
            return Plain(kind, data)
        name, hidden = self._cipher.encrypt(data)
        return Plain(f"{kind}+{name}", hidden)

    def _sealed(self, kind: str, data: bytes) -> Piece:
        digest = blake2b(data, digest_size=_DIGEST_BYTES, person=kind.encode()[:16]).digest()
        if self._cipher is None:
            return Piece(kind, data, digest)
        name, hidden = self._cipher.encrypt(data)
        return Piece(f"{kind}+{name}", hidden, digest)


def _columns(
    seen: Seen | None, value: list[Any], fresh: list[Any], originals: list[Original | None]
) -> Columns | None:
    """What is known already of a list that grew, with what is new behind it."""
    known = len(value) - len(fresh)
    if seen is None or known != len(seen.objects) or originals[:known] != seen.originals:
        return None
    new = [original for original in originals[known:] if original]
    return Columns(new, seen.columns) if seen.columns and len(new) == len(fresh) else None
