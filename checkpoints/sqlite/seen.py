"""What this process knows of the lists that it read or wrote last, so that only new items cost anything."""

from __future__ import annotations

import threading
from collections import OrderedDict
from operator import is_
from typing import TYPE_CHECKING, Any, TypeAlias

from checkpoints.sqlite.messages import HELD_ONCE, IMMUTABLE, Original, counts, is_message, state_of
from checkpoints.sqlite.values import Base, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Key: TypeAlias = tuple[str, str]
"""Thread and namespace."""

_MOST_ITEMS = 50_000
"""Items remembered in one saver; at about 2 KB each."""


class Seen:
    """One list as it was read or written last."""

    __slots__ = ("_are_uniform", "_originals", "_thaw", "base", "objects", "thread")

    def __init__(
        self,
        thread: int,
        base: Base,
        objects: list[Any],
        originals: Callable[[], list[Original | None]] | list[Original | None],
    ) -> None:
        """Note a list.

        Args:
            thread: The id of its thread in the file.
            base: Where it is stored.
            objects: Its items, the very objects.
            originals: What each item is to hold, None for one that is immutable; or what makes them.
        """
        self.thread = thread
        self.base = base
        self.objects = objects
        self._originals = originals if isinstance(originals, list) else None
        self._thaw = None if isinstance(originals, list) else originals
        self._are_uniform: bool | None = None

    @property
    def originals(self) -> list[Original | None]:
        """What each item is to hold; None for one that is immutable."""
        if self._originals is None:
            self._originals = self._thaw() if self._thaw else []
            self._thaw = None
        return self._originals

    def parts(self, value: Sequence[object]) -> list[object]:
        """Say what `value` is made of: `slice`s of this list, and items that are not in it as they are."""
        count = len(self.objects)
        if len(value) >= count and all(map(is_, self.objects, value)) and self._is_as_it_was():
            return [slice(0, count), *value[count:]]
        index = {id(item): at for at, item in enumerate(self.objects)}
        found: list[object] = []
        for item in value:
            at = index.get(id(item))
            if at is None or not self._is_as_it_was_at(at):
                found.append(item)
                continue
            last = found[-1] if found else None
            if isinstance(last, slice) and last.stop == at:
                found[-1] = slice(last.start, at + 1)
            else:
                found.append(slice(at, at + 1))
        return found

    def hand_out(self) -> list[Any]:
        """Give the items as objects that nobody else holds.

        What was handed out before is handed out again when nobody kept it: copies of a whole conversation
        at each turn would keep the garbage collector busy for longer than they take.
        """
        self.objects = [
            item if original is None or (count == HELD_ONCE and original.is_free(item)) else original.copy()
            for item, original, count in zip(self.objects, self.originals, counts(self.objects), strict=True)
        ]
        return list(self.objects)

    def _is_as_it_was(self) -> bool:
        if self._are_uniform is None:
            self._are_uniform = None not in self.originals
        if self._are_uniform:
            # Both sides stay in C: this is asked of every item of a long thread at every step.
            return list(map(state_of, self.objects)) == [item.state for item in self.originals if item]
        return all(map(self._is_as_it_was_at, range(len(self.objects))))

    def _is_as_it_was_at(self, at: int) -> bool:
        original = self.originals[at]
        return original is None or state_of(self.objects[at]) == original.state


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
                self._items += len(seen.objects) - (len(known[channel].objects) if channel in known else 0)
                known[channel] = seen
            while self._items > self._most_items:
                _, dropped = self._lists.popitem(last=False)
                self._items -= sum(len(seen.objects) for seen in dropped.values())

    def hand_out(self, key: Key, channel: str, thread: int, spans: tuple[Span, ...]) -> list[Any] | None:
        """Give a list that is stored as these spans, when it is the one seen last."""
        with self._guard:
            seen = self._lists.get(key, {}).get(channel)
            if seen is None or seen.thread != thread or seen.base.spans != spans:
                return None
            self._lists.move_to_end(key)
            return seen.hand_out()


def can_be_seen(item: object) -> bool:
    """Tell whether a change in place of an item would be noticed."""
    return type(item) in IMMUTABLE or is_message(item)


def originals_of(decoded: Sequence[Any]) -> list[Original | None]:
    """What items are to hold, of items that were decoded for this alone."""
    return [Original(item) if is_message(item) else None for item in decoded]
