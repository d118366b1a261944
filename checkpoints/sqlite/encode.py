"""From values to what is stored, and back."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from checkpoints.sqlite.block import Block, can_be_seen
from checkpoints.sqlite.messages import Original, is_message
from checkpoints.sqlite.values import INLINE_BYTES, Encoded, Piece, Pieces, Plain, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langgraph.checkpoint.serde.base import SerializerProtocol

    from checkpoints.sqlite.block import Originals
    from checkpoints.sqlite.seen import Seen

_SHORT = 8
_DIGEST_BYTES = 16


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

    def value(
        self, value: object, seen: Seen | None = None, parent: str | None = None
    ) -> tuple[Encoded, Sequence[Block]]:
        """Encode a channel's value or a write.

        Args:
            value: Any value that the serialiser knows.
            seen: What was stored for the channel last; items of it that are here again are not serialised.
            parent: The checkpoint that the value's one follows.

        Returns:
            What is stored, and a list's items for `Seen`; none when a change in one would not be noticed.
        """
        if type(value) is list and value:
            return self._list(value, seen, parent)
        kind, data = self._inner.dumps_typed(value)
        if len(data) > INLINE_BYTES:
            return self._sealed(kind, data), ()
        return self._plain(kind, data), ()

    def _list(
        self, value: list[Any], seen: Seen | None, parent: str | None
    ) -> tuple[Encoded, Sequence[Block]]:
        found, known = (value, []) if seen is None else seen.parts(value, parent)
        parts: list[Piece | Span] = []
        fresh: list[Any] = []
        originals: Originals = []
        made: Originals = []
        for part in found:
            if seen is not None and isinstance(part, slice):
                parts.append((part.start, part.stop - part.start))
                originals += known[part]
                continue
            fresh.append(part)
            kind, data = self._inner.dumps_typed(part)
            parts.append(self._sealed(kind, data))
            # Decoded at once: what is handed out later must be what a fresh process would read.
            made.append(Original(self._inner.loads_typed((kind, data)), part) if is_message(part) else None)
            originals.append(made[-1])
        if seen is None and len(value) < _SHORT:
            kind, data = self._inner.dumps_typed(value)
            if len(data) <= INLINE_BYTES:
                return self._plain(kind, data), ()
        stored = Pieces(parts, None if seen is None else seen.base)
        # The others were looked at when they were first stored.
        if not all(map(can_be_seen, fresh)):
            return stored, ()
        if seen is None:
            return stored, (Block(list(value), originals),)
        if not known:
            return stored, (*seen.blocks, Block(fresh, made)) if fresh else seen.blocks
        return stored, seen.arranged(found, list(value), originals)

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
