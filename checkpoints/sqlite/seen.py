"""What this process knows of the lists that it read or wrote last, so that only new items cost anything."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from itertools import chain
from operator import attrgetter, is_
from typing import TYPE_CHECKING, Any, TypeAlias

from checkpoints.sqlite.block import Block, joined
from checkpoints.sqlite.pace import LongReadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from checkpoints.sqlite.block import Originals
    from checkpoints.sqlite.values import Base, Span

Key: TypeAlias = tuple[str, str]
"""Thread and namespace."""

_MOST_ITEMS = 50_000
"""Items remembered in one saver; at about 2 KB each."""
_PAUSE_S = 0.005
"""After a write: then the turn is over, mostly, or waits for a model."""
_FEW = 16
"""Items that are not worth a look between two turns."""
_MANY = 5_000
"""Items that are too many for that look, which the event loop takes; at about 1 µs each."""

_MOST_BLOCKS = 64
"""Blocks that a list is kept in; when its items were mixed into more, it is one."""

_flat = chain.from_iterable
_items_of, _originals_of = attrgetter("items"), attrgetter("originals")


class Seen:
    """One list as it was read or written last.

    Attributes:
        is_ready: Whether all items are as they are stored, and nobody else holds one or a part of it.
        is_lent: Whether the items were handed out, just as they are stored.
        begun: The checkpoint up to whose child nobody else changes what was handed out; None when that is
            not known.
    """

    __slots__ = ("base", "begun", "blocks", "is_lent", "is_ready", "thread")

    def __init__(self, thread: int, base: Base, blocks: Sequence[Block], *, is_lent: bool = False) -> None:
        """Note a list.

        Args:
            thread: The id of its thread in the file.
            base: Where it is stored.
            blocks: Its items.
            is_lent: Whether they were just read, and handed out.
        """
        self.thread = thread
        self.base = base
        self.blocks = tuple(blocks)
        self.is_ready = False
        self.is_lent = is_lent
        self.begun: str | None = None

    def __len__(self) -> int:
        """How many items it has."""
        return sum(map(len, map(_items_of, self.blocks)))

    def parts(self, value: Sequence[object], parent: str | None = None) -> tuple[list[object], Originals]:
        """Say what `value` is made of: `slice`s of this list, and items that are not in it as they are.

        Args:
            value: Any list.
            parent: The checkpoint that `value`'s one follows.

        Returns:
            The parts, and what this list's items are to hold; nothing when all of them are there in front.
        """
        blocks = self.blocks
        count, is_kept = len(self), self.begun is not None and self.begun == parent
        if (
            len(value) >= count
            and all(map(is_, _flat(map(_items_of, blocks)), value))
            and (is_kept or all(block.is_as_it_was() for block in blocks))
        ):
            return [slice(0, count), *value[count:]], []
        objects, originals = (list(_flat(map(part_of, blocks))) for part_of in (_items_of, _originals_of))
        held = list(_flat(map(Block.held, blocks)))
        index = {id(item): at for at, item in enumerate(objects) if held[at]}
        found: list[object] = []
        for item in value:
            at = index.get(id(item))
            if at is None:
                found.append(item)
                continue
            last = found[-1] if found else None
            if isinstance(last, slice) and last.stop == at:
                found[-1] = slice(last.start, at + 1)
            else:
                found.append(slice(at, at + 1))
        return found, originals

    def arranged(self, found: Sequence[object], items: list[Any], originals: Originals) -> Sequence[Block]:
        """Arrange items as blocks: those of this list that are there whole, and new ones between them.

        Args:
            found: What `parts` says of the items.
            items: The items.
            originals: What they are to hold.
        """
        whole: dict[int, Block] = {}
        at = 0
        for block in self.blocks:
            whole[at] = block
            at += len(block.items)
        made: list[Block] = []
        at = begin = 0
        for part in found:
            span = part if isinstance(part, slice) else slice(0, 0)
            # Once only: who repeats an item gets two that are not the same object.
            for start in [one for one in whole if span.start <= one < span.stop]:
                end, place = start + len(whole[start].items), at + start - span.start
                if end <= span.stop:
                    made += _between(items, originals, begin, place)
                    made.append(whole.pop(start))
                    begin = place + end - start
            at += span.stop - span.start if isinstance(part, slice) else 1
        made += _between(items, originals, begin, len(items))
        return made if len(made) <= _MOST_BLOCKS else (Block(items, originals),)

    def begin(self, checkpoint: str) -> None:
        """Note that from `checkpoint` to its child nobody changes the items that were handed out."""
        self.begun = checkpoint if self.is_lent else None

    def hand_out(self) -> list[Any]:
        """Give the items as objects that nobody else holds.

        What was handed out before is handed out again when nobody kept it: copies of a whole conversation
        at each turn would keep the garbage collector busy for longer than they take.
        """
        if not self.is_ready:
            self._make_ready()
        self.is_ready, self.is_lent, self.begun = False, True, None
        return list(_flat(map(_items_of, self.blocks)))

    def settle(self) -> None:
        """Do beforehand what handing out takes, if the turn is over: nobody gets hold of an item any more."""
        # Whoever takes a turn holds all items, those too that were handed out for it.
        if not self.is_ready and {block.is_held() for block in self.blocks} == {False, None}:
            self._make_ready()
            self.is_ready = True

    def _make_ready(self) -> None:
        self.blocks = joined([block.handed_out() for block in self.blocks])


def _between(items: list[Any], originals: Originals, start: int, stop: int) -> Sequence[Block]:
    return (Block(items[start:stop], originals[start:stop]),) if start < stop else ()


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
        """Note lists in place of what was known of these channels.

        In an event loop, what handing them out takes is done there soon, if the turn is over by then.
        """
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
        with suppress(RuntimeError):  # elsewhere the next read does it
            asyncio.get_running_loop().call_later(_PAUSE_S, partial(self._settle, key, lists))

    def hand_out(
        self, key: Key, channel: str, thread: int, spans: tuple[Span, ...], *, most: int | None = None
    ) -> list[Any] | None:
        """Give a list that is stored as these spans, when it is the one seen last.

        Args:
            key: Its thread and namespace.
            channel: Its channel.
            thread: The id of its thread in the file.
            spans: How it is stored.
            most: How many items may have to be looked at; None for any number.

        Raises:
            LongReadError: When there are more.
        """
        with self._guard:
            seen = self._lists.get(key, {}).get(channel)
            if seen is None or seen.thread != thread or seen.base.spans != spans:
                return None
            if most is not None and not seen.is_ready and len(seen) > most:
                raise LongReadError
            self._lists.move_to_end(key)
            return seen.hand_out()

    def _settle(self, key: Key, lists: Mapping[str, Seen]) -> None:
        with self._guard:
            known = self._lists.get(key, {})
            for channel, seen in lists.items():
                if known.get(channel) is seen and _FEW < len(seen) <= _MANY:
                    seen.settle()
