"""The messages of a list side by side, so that all of them are looked at in C and not one by one.

A long thread is looked at three times in each turn; a loop in Python over it would cost more than the turn.
"""

from __future__ import annotations

import sys
from itertools import chain, compress, count
from operator import attrgetter, is_, itemgetter, ne
from typing import TYPE_CHECKING, Any, TypeVar

from checkpoints.sqlite.messages import (
    HELD_ONCE,
    Names,
    Original,
    Tree,
    Values,
    extra_of,
    fields_set_of,
    tree_of,
    values_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

T = TypeVar("T")

_flat = chain.from_iterable
_held_by_dict = dict.values
_roots_of = attrgetter("roots")
_dicts_of, _lists_of, _hollow_of = attrgetter("dicts"), attrgetter("lists"), attrgetter("hollow")
_in_dicts_of, _in_lists_of = attrgetter("in_dicts"), attrgetter("in_lists")

_IN_ITS_MESSAGE = HELD_ONCE + 1
# By what it hangs on, and twice by its tree: as a container, and as what a container or a field holds.
_IN_ITS_TREE = HELD_ONCE + 3


class Columns:
    """What the messages of a list are to hold, by kinds of parts.

    Attributes:
        values: The fields of each.
        extras: The fields of each beyond its class.
        fields_sets: The names that each was given.
        distinct_sets: Those that differ.
        groups: The places of those that hold what can be changed in the same fields.
        odd: The places of those that are copied each time, as they hold more than dicts and lists.
        trees: What hangs on the message at a place, where that was looked at.
    """

    __slots__ = ("distinct_sets", "extras", "fields_sets", "groups", "odd", "trees", "values")

    def __init__(self, originals: Iterable[Original] = (), base: Columns | None = None) -> None:
        """Lay these side by side, behind those of `base`, with which nothing that grows is shared."""
        self.values: list[Values] = base.values.copy() if base else []
        self.extras: list[Values | None] = base.extras.copy() if base else []
        self.fields_sets: list[set[str]] = base.fields_sets.copy() if base else []
        self.groups: dict[Names, list[int]] = (
            {names: at.copy() for names, at in base.groups.items()} if base else {}
        )
        self.trees: dict[int, Tree] = base.trees.copy() if base else {}
        self.odd: list[int] = base.odd.copy() if base else []
        self.distinct_sets: dict[frozenset[str], set[str]] = base.distinct_sets.copy() if base else {}
        for at, original in enumerate(originals, len(self.values)):
            self.values.append(original.values)
            self.extras.append(original.extra)
            # One for all that are equal: what is compared at each turn shall be little memory.
            sets = self.distinct_sets
            self.fields_sets.append(sets.setdefault(frozenset(original.fields_set), original.fields_set))
            (self.groups.setdefault(original.names, []) if original.is_plain else self.odd).append(at)

    def are_held_by(self, items: Sequence[object]) -> bool:
        """Tell whether the messages hold what they are to hold."""
        return list(map(values_of, items)) == self.values and list(map(extra_of, items)) == self.extras

    def changed(self, items: Sequence[object]) -> list[int]:
        """The places of the messages that are not as a fresh decoding would make them."""
        places: set[int] = set()
        for part_of, wanted in (
            (values_of, self.values),
            (extra_of, self.extras),
            (fields_set_of, self.fields_sets),
        ):
            held = list(map(part_of, items))
            if held != wanted:
                places.update(compress(count(), map(ne, held, wanted)))
        return sorted(places)

    def are_free(self, items: Sequence[object], originals: Sequence[Original]) -> bool:
        """Tell whether nobody holds a part of any message.

        Args:
            items: The messages, which nobody else holds; the odd ones are new.
            originals: What they are to hold, for those that were not looked at yet.
        """
        extras = [extra for extra in map(extra_of, items) if extra is not None]
        if not _are_held(extras, _IN_ITS_MESSAGE):
            return False
        if not _are_held(list(map(fields_set_of, items)), _IN_ITS_MESSAGE):
            return False
        values = list(map(values_of, items))
        if not _are_held(values, _IN_ITS_MESSAGE):
            return False
        return all(
            _are_fields_held(names[0], _picked(values, places))
            and (not names[1] or self._are_trees_free(names[1], places, items, originals))
            for names, places in self.groups.items()
        )

    def forget(self, places: Iterable[int]) -> None:
        """Other messages stand at these places now, which hold the same."""
        for at in places:
            self.trees.pop(at, None)

    def _are_trees_free(
        self,
        names: tuple[str, ...],
        places: list[int],
        items: Sequence[object],
        originals: Sequence[Original],
    ) -> bool:
        trees: list[Tree] = []
        for at in places:
            tree = self.trees.get(at) or tree_of(items[at], originals[at])
            if tree is None:
                return False
            self.trees[at] = tree
            trees.append(tree)
        held = _fields(names, list(map(values_of, _picked(items, places))))
        return all(map(is_, held, _flat(map(_roots_of, trees)))) and _are_free(trees)


def _are_free(trees: Sequence[Tree]) -> bool:
    """The same objects hang where they hung, and nothing else holds those that can be changed."""
    dicts: list[dict[str, Any]] = list(_flat(map(_dicts_of, trees)))
    lists: list[list[Any]] = list(_flat(map(_lists_of, trees)))
    hollow: list[object] = list(_flat(map(_hollow_of, trees)))
    return (
        all(map(is_, _flat(map(_held_by_dict, dicts)), _flat(map(_in_dicts_of, trees))))
        and all(map(is_, _flat(lists), _flat(map(_in_lists_of, trees))))
        and all(_are_held(parts, _IN_ITS_TREE) for parts in (dicts, lists, hollow))
    )


def _are_held(parts: list[Any], most: int) -> bool:
    """Tell whether there are no more references to any of the parts of a list than `most`."""
    return max(map(sys.getrefcount, parts), default=0) <= most


def _are_fields_held(names: tuple[str, ...], values: Sequence[Values]) -> bool:
    return not names or _are_held(list(_fields(names, values)), _IN_ITS_MESSAGE)


def _fields(names: tuple[str, ...], values: Sequence[Values]) -> Iterable[object]:
    """What these fields hold, message by message."""
    held: Callable[[Values], Any] = itemgetter(*names)
    return _flat(map(held, values)) if len(names) > 1 else map(held, values)


def _picked(items: Sequence[T], places: list[int]) -> Sequence[T]:
    if len(places) == len(items):
        return items
    return itemgetter(*places)(items) if len(places) > 1 else [items[places[0]]]
