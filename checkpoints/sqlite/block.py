"""Neighbouring items of a list as they are stored: whether they changed, and handing them out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from checkpoints.outline import turns_of
from checkpoints.sqlite.footprint import CAN_LOOK, Footprint
from checkpoints.sqlite.messages import IMMUTABLE, Original, is_message, is_message_type, is_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Originals: TypeAlias = list[Original | None]
"""What each item of a list is to hold; None for one that is immutable."""

_SMALL = 64
"""Items of a block that the next one is joined to whatever its length."""


class Block:
    """Neighbouring items of a list, the very objects. It never changes, but the objects might."""

    __slots__ = ("_footprint", "_odd", "_originals", "_thaw", "_turns", "items")

    def __init__(
        self,
        items: list[Any],
        originals: Originals | Callable[[], Sequence[Any]],
        footprint: Footprint | None = None,
        odd: Sequence[int] = (),
    ) -> None:
        """Note items.

        Args:
            items: The objects.
            originals: What they are to hold; or what decodes the items for this alone.
            footprint: Of those that are as a fresh decoding makes them; None when that is not known.
            odd: The places of the others.
        """
        self.items = items
        self._originals = originals if isinstance(originals, list) else None
        self._thaw = None if isinstance(originals, list) else originals
        self._footprint = footprint
        self._odd = odd
        self._turns: int | None = None

    @classmethod
    def fresh(cls, items: list[Any], originals: Originals | Callable[[], Sequence[Any]]) -> Block:
        """Items that were just decoded or copied, and that nobody else holds yet."""
        if not CAN_LOOK:
            return cls(items, originals)
        if all(map(is_message_type, set(map(type, items)))):
            footprint = Footprint(items)
            if footprint.is_plain:
                return cls(items, originals, footprint)
        looked_at = [item for item in items if is_message(item) and is_plain(item)]
        odd = [at for at, item in enumerate(items) if is_message(item) and not is_plain(item)]
        return cls(items, originals, Footprint(looked_at), odd)

    @property
    def originals(self) -> Originals:
        """What each item is to hold."""
        thaw, known = self._thaw, self._originals
        if known is None:
            # Several threads may do so at once, each with messages of its own.
            known = [
                Original(item, beside) if is_message(item) else None
                for item, beside in zip(thaw() if thaw else (), self.items, strict=True)
            ]
            self._originals, self._thaw = known, None
        return known

    @property
    def turns(self) -> int:
        """How many of the items begin a turn, as the list of sessions counts."""
        if self._turns is None:
            self._turns = turns_of(self.items)
        return self._turns

    def is_as_it_was(self) -> bool:
        """Tell whether the items hold what they are to hold."""
        if self._footprint is None or not self._footprint.is_unchanged():
            return all(map(_is_held, self.items, self.originals))
        return all(_is_held(self.items[at], self.originals[at]) for at in self._odd)

    def held(self) -> Sequence[bool]:
        """Tell of each item whether it holds what it is to hold."""
        if self.is_as_it_was():
            return (True,) * len(self.items)
        return [*map(_is_held, self.items, self.originals)]

    def handed_out(self) -> Block:
        """The same as objects that nobody else holds: these, or copies."""
        if self._footprint is None or not self._footprint.is_free():
            return Block.fresh(list(map(_copied, self.items, self.originals)), self.originals)
        if not self._odd:
            return self
        items = self.items.copy()
        for at in self._odd:
            items[at] = _copied(items[at], self.originals[at])
        return Block(items, self.originals, self._footprint, self._odd)

    def is_held(self) -> bool | None:
        """Tell whether somebody else seems to hold an item; None where that is not known."""
        return None if self._footprint is None else self._footprint.is_held()

    def joined(self, other: Block) -> Block:
        """Both, one behind the other."""
        items, originals = [*self.items, *other.items], [*self.originals, *other.originals]
        if len(items) > _SMALL or self._footprint is None or other._footprint is None:
            # Copies lie side by side in memory, and are looked at in half the time.
            return Block.fresh(list(map(_copied, items, originals)), originals)
        odd = [*self._odd, *(len(self.items) + at for at in other._odd)]
        return Block(items, originals, self._footprint.joined(other._footprint), odd)


def joined(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Join what is short to what is before it, so that blocks are few and most are long and stay."""
    joint: list[Block] = []
    for block in blocks:
        joint.append(block)
        while len(joint) > 1 and (
            len(joint[-2].items) + len(joint[-1].items) <= _SMALL
            or len(joint[-2].items) <= 2 * len(joint[-1].items)
        ):
            last = joint.pop()
            joint[-1] = joint[-1].joined(last)
    return tuple(joint)


def _is_held(item: object, original: Original | None) -> bool:
    return original is None or original.is_held_by(item)


def _copied(item: object, original: Original | None) -> object:
    return item if original is None else original.copy()


def can_be_seen(item: object) -> bool:
    """Tell whether a change in place of an item would be noticed."""
    return type(item) in IMMUTABLE or is_message(item)
