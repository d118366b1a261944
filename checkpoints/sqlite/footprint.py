"""What messages refer to, side by side, so that a change is seen by looking in C, not one by one.

A long thread is looked at three times in each turn; a loop in Python over it would cost more than the turn.
"""

from __future__ import annotations

import sys
from gc import get_referents
from itertools import chain
from operator import is_
from typing import TYPE_CHECKING, Any, Final
from weakref import getweakrefcount

from langchain_core.messages import HumanMessage

from checkpoints.sqlite.messages import IMMUTABLE, extra_of, fields_set_of, values_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_flat = chain.from_iterable
_PLAIN: Final = IMMUTABLE | {dict, list}
_SIMPLE: Final = frozenset((str, type(None), dict, list))

# Measured, as what a call itself holds differs between versions of Python.
_HELD_ONCE: Final = max(map(sys.getrefcount, [object()]))
# By the list of the block and by that of the footprint.
_MESSAGE_HELD: Final = _HELD_ONCE + 1
# By what it hangs on, by the list of its kind, and as what the other refers to.
_PART_HELD: Final = _HELD_ONCE + 2


class Footprint:
    """The messages of a list as they are now, with all that can be changed in them.

    It holds those parts, so that nothing else can take their place unseen.

    Attributes:
        items: The messages.
        in_items: What the messages refer to.
        dicts: Their fields.
        in_dicts: What the fields refer to.
        sets: The names of the fields that were given.
        in_sets: Those names.
        hollow: The empty dicts and lists.
        maps: The dicts below the fields that hold something.
        rows: The lists below the fields that do.
        in_parts: What those two refer to.
        names: The keys of `maps`.
        is_plain: Whether the messages do hold dicts and lists down to the leaves, and nothing else.
        is_simple: Whether they hold but texts, and dicts and lists that are empty.
    """

    __slots__ = (
        "dicts",
        "hollow",
        "in_dicts",
        "in_items",
        "in_parts",
        "in_sets",
        "is_plain",
        "is_simple",
        "items",
        "maps",
        "names",
        "rows",
        "sets",
    )

    def __init__(self, items: Iterable[object]) -> None:
        """Note what these messages hold."""
        self.items: list[object] = list(items)
        self.dicts = list(map(values_of, self.items))
        self.sets = list(map(fields_set_of, self.items))
        self.in_items: list[object] = get_referents(*self.items)
        self.in_dicts: list[object] = get_referents(*self.dicts)
        self.in_sets: list[object] = get_referents(*self.sets)
        self.hollow: list[object] = [one for one in map(extra_of, self.items) if one is not None]
        self.is_plain = not any(self.hollow)
        self.maps: list[dict[str, Any]] = []
        self.rows: list[list[Any]] = []
        below: list[Any] = self.in_dicts
        while below:
            self.is_plain = self.is_plain and set(map(type, below)) <= _PLAIN
            self.hollow += [one for one in below if (type(one) is dict or type(one) is list) and not one]
            maps = [one for one in below if type(one) is dict and one]
            rows = [one for one in below if type(one) is list and one]
            self.maps += maps
            self.rows += rows
            below = [*_flat(map(dict.values, maps)), *_flat(rows)]
        self.in_parts: list[object] = get_referents(*self.maps, *self.rows)
        self.names: list[str] = list(_flat(self.maps))
        self.is_plain = self.is_plain and set(map(type, self.names)) <= {str}
        self.is_simple = not self.in_parts and set(map(type, self.in_dicts)) <= _SIMPLE

    def joined(self, other: Footprint) -> Footprint:
        """Both, one behind the other."""
        made: Footprint = object.__new__(Footprint)
        made.is_plain = self.is_plain and other.is_plain
        made.is_simple = self.is_simple and other.is_simple
        for name in _LISTS:
            setattr(made, name, [*getattr(self, name), *getattr(other, name)])
        return made

    def is_held(self) -> bool:
        """Tell whether somebody else seems to hold a message: a quick look, and no proof."""
        return not _are_held(self.items, _MESSAGE_HELD)

    def is_unchanged(self) -> bool:
        """Tell whether the messages hold what they held, down to the types of numbers."""
        # Faster, and enough: what took the place of its equal is compared with that from then on.
        # Numbers may equal others of another type, though, and so may what holds some.
        is_alike = _is_equal if self.is_simple else _is_same
        return (
            _is_equal(get_referents(*self.items), self.in_items)
            and is_alike(get_referents(*self.dicts), self.in_dicts)
            and self._are_parts_unchanged()
        )

    def is_free(self) -> bool:
        """Tell whether the messages are just as they were, and nobody else holds one or a part of it."""
        # What nobody holds nobody can change after it was compared: so in this order.
        return (
            _are_held(self.items, _MESSAGE_HELD)
            # Who has a weak reference gets hold of it later.
            and not any(map(getweakrefcount, self.items))
            and all(
                _are_held(parts, _PART_HELD)
                for parts in (self.dicts, self.sets, self.hollow, self.maps, self.rows)
            )
            and _is_same(get_referents(*self.items), self.in_items)
            and _is_same(get_referents(*self.dicts), self.in_dicts)
            and get_referents(*self.sets) == self.in_sets
            and self._are_parts_unchanged()
        )

    def _are_parts_unchanged(self) -> bool:
        return not any(self.hollow) and (
            not self.in_parts
            or (
                list(_flat(self.maps)) == self.names
                and _is_same(get_referents(*self.maps, *self.rows), self.in_parts)
            )
        )


_LISTS: Final = tuple(name for name in Footprint.__slots__ if not name.startswith("is_"))


def _is_equal(held: list[object], wanted: list[object]) -> bool:
    """Compare by identity first, which is all that there is to do as long as nothing was changed."""
    try:
        return held == wanted
    except Exception:  # noqa: BLE001  # somebody else's `__eq__`
        return False


def _is_same(held: list[object], wanted: list[object]) -> bool:
    return len(held) == len(wanted) and all(map(is_, held, wanted))


def _are_held(parts: Sequence[object], most: int) -> bool:
    """Tell whether there are no more references to each than `most`, which is what is known to hold it."""
    return sum(map(sys.getrefcount, parts)) <= most * len(parts)


def _can_look() -> bool:
    """Whether this Python says what an object refers to, and how often it is referred to."""
    probe = HumanMessage("")
    fields = values_of(probe)
    return (
        # Without a global lock the counts are no proof.
        bool(getattr(sys, "_is_gil_enabled", lambda: True)())
        and any(fields is one for one in get_referents(probe))
        and get_referents(fields) == list(fields.values())
    )


CAN_LOOK: Final = _can_look()
