"""What this process knows of the lists that it read or wrote last, so that only new items cost anything."""

from __future__ import annotations

import threading
from collections import OrderedDict
from itertools import chain
from operator import attrgetter, is_
from typing import TYPE_CHECKING, Any, TypeAlias

from checkpoints.outline import turns_of
from checkpoints.sqlite.footprint import CAN_LOOK, HELD_ONCE, Footprint, most_held
from checkpoints.sqlite.messages import IMMUTABLE, Original, is_message, is_message_type, is_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from checkpoints.sqlite.values import Base, Span

Key: TypeAlias = tuple[str, str]
"""Thread and namespace."""

Originals: TypeAlias = list[Original | None]
"""What each item of a list is to hold; None for one that is immutable."""

_MOST_ITEMS = 50_000
"""Items remembered in one saver; at about 2 KB each."""
_FEW = 16
"""Items that are not worth a look between two turns."""
_MANY = 5_000
"""Items that are too many for that look, which the event loop takes; at about 1 µs each."""
_SMALL = 64
"""Items of a block that the next one is joined to whatever its length."""

_flat = chain.from_iterable
_items_of, _originals_of = attrgetter("items"), attrgetter("originals")


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
        if self._footprint is None:
            return None
        return most_held(self.items) > HELD_ONCE + 1  # its footprint does

    def joined(self, other: Block) -> Block:
        """Both, one behind the other."""
        items, originals = [*self.items, *other.items], [*self.originals, *other.originals]
        if len(items) > _SMALL or self._footprint is None or other._footprint is None:
            # Copies lie side by side in memory, and are looked at in half the time.
            return Block.fresh(list(map(_copied, items, originals)), originals)
        odd = [*self._odd, *(len(self.items) + at for at in other._odd)]
        return Block(items, originals, self._footprint.joined(other._footprint), odd)


class Seen:
    """One list as it was read or written last.

    Attributes:
        is_ready: Whether all items are as they are stored, and nobody else holds one or a part of it.
    """

    __slots__ = ("base", "blocks", "is_ready", "thread")

    def __init__(self, thread: int, base: Base, blocks: Sequence[Block]) -> None:
        """Note a list.

        Args:
            thread: The id of its thread in the file.
            base: Where it is stored.
            blocks: Its items.
        """
        self.thread = thread
        self.base = base
        self.blocks = tuple(blocks)
        self.is_ready = False

    def __len__(self) -> int:
        """How many items it has."""
        return sum(map(len, map(_items_of, self.blocks)))

    def parts(self, value: Sequence[object]) -> tuple[list[object], Originals]:
        """Say what `value` is made of: `slice`s of this list, and items that are not in it as they are.

        Returns:
            The parts, and what this list's items are to hold; nothing when all of them are there in front.
        """
        blocks = self.blocks
        count = len(self)
        if (
            len(value) >= count
            and all(map(is_, _flat(map(_items_of, blocks)), value))
            and all(block.is_as_it_was() for block in blocks)
        ):
            return [slice(0, count), *value[count:]], []
        objects, originals = (list(_flat(map(part_of, blocks))) for part_of in (_items_of, _originals_of))
        index = {id(item): at for at, item in enumerate(objects)}
        found: list[object] = []
        for item in value:
            at = index.get(id(item))
            if at is None or not _is_held(item, originals[at]):
                found.append(item)
                continue
            last = found[-1] if found else None
            if isinstance(last, slice) and last.stop == at:
                found[-1] = slice(last.start, at + 1)
            else:
                found.append(slice(at, at + 1))
        return found, originals

    def hand_out(self) -> list[Any]:
        """Give the items as objects that nobody else holds.

        What was handed out before is handed out again when nobody kept it: copies of a whole conversation
        at each turn would keep the garbage collector busy for longer than they take.
        """
        if not self.is_ready:
            self._make_ready()
        self.is_ready = False
        return list(_flat(map(_items_of, self.blocks)))

    def settle(self) -> None:
        """Do beforehand what handing out takes, if the turn is over: nobody gets hold of an item any more."""
        # Whoever takes a turn holds all items, those too that were handed out for it.
        if not self.is_ready and {block.is_held() for block in self.blocks} == {False, None}:
            self._make_ready()
            self.is_ready = True

    def _make_ready(self) -> None:
        self.blocks = _joined([block.handed_out() for block in self.blocks])


def _joined(blocks: Iterable[Block]) -> tuple[Block, ...]:
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


class Memory:
    """The lists seen last, by thread, namespace and channel. Safe to use from several threads."""

    def __init__(self, most_items: int = _MOST_ITEMS) -> None:
        """Remember at most so many items."""
        self._most_items = most_items
        self._items = 0
        self._guard = threading.Lock()
        self._lists: OrderedDict[Key, dict[str, Seen]] = OrderedDict()

    def of(self, key: Key) -> dict[str, Seen]:
        """What is known of a thread's lists, by channel."""
        with self._guard:
            return dict(self._lists.get(key, ()))

    def remember(self, key: Key, lists: dict[str, Seen]) -> None:
        """Note lists in place of what was known of these channels."""
        if not lists:
            return
        with self._guard:
            known = self._lists.setdefault(key, {})
            self._lists.move_to_end(key)
            for channel, seen in lists.items():
                self._items += len(seen) - (len(known[channel]) if channel in known else 0)
                known[channel] = seen
            while self._items > self._most_items:
                _, dropped = self._lists.popitem(last=False)
                self._items -= sum(map(len, dropped.values()))

    def hand_out(self, key: Key, channel: str, thread: int, spans: tuple[Span, ...]) -> list[Any] | None:
        """Give a list that is stored as these spans, when it is the one seen last."""
        with self._guard:
            seen = self._lists.get(key, {}).get(channel)
            if seen is None or seen.thread != thread or seen.base.spans != spans:
                return None
            self._lists.move_to_end(key)
            return seen.hand_out()

    def settle(self, key: Key, lists: Mapping[str, Seen]) -> None:
        """Do beforehand what handing out these takes, if they are still those seen last, and not too long."""
        with self._guard:
            known = self._lists.get(key, {})
            for channel, seen in lists.items():
                if known.get(channel) is seen and _FEW < len(seen) <= _MANY:
                    seen.settle()


def can_be_seen(item: object) -> bool:
    """Tell whether a change in place of an item would be noticed."""
    return type(item) in IMMUTABLE or is_message(item)
