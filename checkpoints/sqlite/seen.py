"""What this process knows of the lists that it read or wrote last, so that only new items cost anything."""

from __future__ import annotations

import threading
from collections import OrderedDict
from operator import is_
from typing import TYPE_CHECKING, Any, TypeAlias

from checkpoints.sqlite.columns import Columns
from checkpoints.sqlite.messages import CAN_COUNT, HELD_ONCE, IMMUTABLE, Original, counts, is_message
from checkpoints.sqlite.values import Base, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Key: TypeAlias = tuple[str, str]
"""Thread and namespace."""

_MOST_ITEMS = 50_000
"""Items remembered in one saver; at about 2 KB each."""


class Seen:
    """One list as it was read or written last."""

    __slots__ = ("_columns", "_originals", "_thaw", "base", "objects", "thread")

    def __init__(
        self,
        thread: int,
        base: Base,
        objects: list[Any],
        originals: Callable[[], Sequence[Any]] | list[Original | None],
        columns: Columns | None = None,
    ) -> None:
        """Note a list.

        Args:
            thread: The id of its thread in the file.
            base: Where it is stored.
            objects: Its items, the very objects.
            originals: What each item is to hold, None for one that is immutable; or what decodes the items
                for this alone.
            columns: The originals side by side, where that is known already.
        """
        self.thread = thread
        self.base = base
        self.objects = objects
        self._originals = originals if isinstance(originals, list) else None
        self._thaw = None if isinstance(originals, list) else originals
        self._columns = columns

    @property
    def originals(self) -> list[Original | None]:
        """What each item is to hold; None for one that is immutable."""
        if self._originals is None:
            decoded = self._thaw() if self._thaw else []
            self._originals = [
                Original(item, beside) if is_message(item) else None
                for item, beside in zip(decoded, self.objects, strict=True)
            ]
            self._thaw = None
        return self._originals

    @property
    def columns(self) -> Columns | None:
        """The originals side by side; None when the items are not all messages."""
        if self._columns is None:
            messages = [original for original in self.originals if original]
            if len(messages) == len(self.originals):
                self._columns = Columns(messages)
        return self._columns

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
        columns = self.columns
        originals = self.originals
        if columns is None or not CAN_COUNT:
            self.objects = list(map(_fresh, self.objects, originals))
            return self.objects.copy()
        held = counts(self.objects)
        stale = columns.odd
        if max(held) > HELD_ONCE:
            stale = [*stale, *(at for at, count in enumerate(held) if count > HELD_ONCE)]
        # A list of its own, as somebody else may be looking at the old one.
        objects = _renewed(self.objects, originals, stale)
        columns.forget(stale)
        # What nobody holds nobody can change after it was compared: so in this order.
        if len(stale) < len(objects) and columns.are_free(objects, originals):  # type: ignore[arg-type]  # messages alone
            stale = columns.changed(objects)
            objects = _renewed(objects, originals, stale)
            columns.forget(stale)
        else:
            objects = list(map(_fresh, objects, originals))
            columns.forget(range(len(objects)))
        self.objects = objects
        return objects.copy()

    def _is_as_it_was(self) -> bool:
        columns = self.columns
        if columns is not None:
            return columns.are_held_by(self.objects)
        return all(map(self._is_as_it_was_at, range(len(self.objects))))

    def _is_as_it_was_at(self, at: int) -> bool:
        original = self.originals[at]
        return original is None or original.is_held_by(self.objects[at])


def _renewed(items: list[Any], originals: list[Original | None], places: Sequence[int]) -> list[Any]:
    made = items.copy()
    for at in places:
        made[at] = _fresh(made[at], originals[at])
    return made


def _fresh(item: object, original: Original | None) -> object:
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
