"""Mutable containers that both sides have: numbered, kept alike, forgotten when one side lets go."""

from __future__ import annotations

import operator
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeAlias

    Untyped: TypeAlias = Any  # a container of the solution or of its tests

_BASE = 3
"""References to a container that nobody else holds: the table's, a variable's, the question's."""


_DEEPEST = 20
_UNTOLD = object()


class _Entry:
    __slots__ = ("box", "seen")

    def __init__(self, box: Untyped) -> None:
        self.box = box
        # None while it is being filled.
        self.seen: list[Untyped] | None = None


class Boxes:
    """The containers that crossed and that somebody on this side still holds."""

    def __init__(self, first: int) -> None:
        """Give out the numbers `first`, `first + 2`, …, so that two sides never give out the same."""
        self._next = first
        self._entries: dict[int, _Entry] = {}
        self._numbers: dict[int, int] = {}

    def number(self, box: Untyped) -> int | None:
        """The number of a container that the other side has as well."""
        return self._numbers.get(id(box))

    def get(self, number: int) -> Untyped:
        """The container of a number, or None."""
        entry = self._entries.get(number)
        return None if entry is None else entry.box

    def add(self, box: Untyped) -> int:
        """Number a container that is about to cross."""
        number = self._next
        self._next += 2
        self.put(number, box)
        return number

    def put(self, number: int, box: Untyped) -> None:
        """Keep a container that came, under the other side's number."""
        self._entries[number] = _Entry(box)
        self._numbers[id(box)] = number

    def settle(self, number: int) -> None:
        """Both sides hold the same in it now."""
        entry = self._entries[number]
        entry.seen = _items(entry.box)

    def last(self) -> int:
        """The number that is given out next."""
        return self._next

    def undo(self, last: int, changed: list[tuple[int, Untyped]]) -> None:
        """Forget what was numbered since `last`; what had changed has still to be told."""
        self.drop(range(last, self._next, 2))
        for number, _ in changed:
            if number in self._entries:
                self._entries[number].seen = [_UNTOLD]

    def changed(self) -> list[tuple[int, Untyped]]:
        """The containers that hold something else than the other side's do."""
        return [
            (number, entry.box)
            for number, entry in self._entries.items()
            if entry.seen is not None and not _same(_items(entry.box), entry.seen)
        ]

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget containers that one side has let go of."""
        for number in numbers:
            entry = self._entries.pop(number, None)
            if entry is not None:
                del self._numbers[id(entry.box)]

    def unheld(self) -> list[int]:
        """The numbers of those that nobody on this side holds, except their like in this table."""
        inside: dict[int, int] = {}
        for entry in self._entries.values():
            _count(_items(entry.box), inside)
            _count(entry.seen or (), inside)
        waiting = []
        free: dict[int, int] = {}
        for number, entry in self._entries.items():
            box = entry.box
            if sys.getrefcount(box) - inside.get(id(box), 0) > _BASE:
                waiting.append(entry)
            else:
                free[id(box)] = number
        # What is in a container that is held is held.
        while waiting and free:
            for child in _boxes_in(_items(waiting.pop().box)):
                found = free.pop(id(child), None)
                waiting += () if found is None else (self._entries[found],)
        return list(free.values())


def _items(box: Untyped) -> list[Untyped]:
    if isinstance(box, dict):
        return [*box.keys(), *box.values(), getattr(box, "default_factory", None)]
    return list(box)


def _same(now: list[Untyped], then: list[Untyped]) -> bool:
    return len(now) == len(then) and all(map(operator.is_, now, then))


_LOOKED_THROUGH = frozenset((tuple, frozenset))
_PLAIN = frozenset((int, str, float, bool, bytes, complex, type(None)))


def _boxes_in(items: Iterable[Untyped], depth: int = 0) -> list[Untyped]:
    """What items refer to, looking through tuples."""
    found = [item for item in items if type(item) not in _PLAIN]
    deeper = [item for item in found if type(item) in _LOOKED_THROUGH]
    if deeper:
        found = [item for item in found if type(item) not in _LOOKED_THROUGH]
        # What is deeper is let go of too early at worst.
        for item in deeper if depth < _DEEPEST else ():
            found += _boxes_in(item, depth + 1)
    return found


def _count(items: Iterable[Untyped], inside: dict[int, int]) -> None:
    for item in _boxes_in(items):
        inside[id(item)] = inside.get(id(item), 0) + 1
