"""Handing out a stored message again without decoding it, and seeing whether one was changed in place."""

from __future__ import annotations

import sys
from copy import deepcopy
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from langchain_core.messages import BaseMessage
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Values: TypeAlias = dict[str, Any]
Names: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""The fields that hold an empty dict or list, and those that hold anything else that can be changed."""

values_of: Final[Callable[[object], Values]] = attrgetter("__dict__")
extra_of: Final[Callable[[object], Values | None]] = attrgetter("__pydantic_extra__")
fields_set_of: Final[Callable[[object], set[str]]] = attrgetter("__pydantic_fields_set__")

# The slots themselves: a long conversation is copied at each turn, and `setattr` takes twice as long.
_new = object.__new__
_set_values = BaseModel.__dict__["__dict__"].__set__
_set_fields_set = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private = BaseModel.__dict__["__pydantic_private__"].__set__


def counts(items: Sequence[object]) -> list[int]:
    """How many references there are to each item of a list, its own one included."""
    return list(map(sys.getrefcount, items))


# Measured, as what a call itself holds differs between versions of Python.
HELD_ONCE: Final = counts([object()])[0]
# Without a global lock the counts are no proof.
CAN_COUNT: Final = bool(getattr(sys, "_is_gil_enabled", lambda: True)())

_EMPTY_DICT: Final[dict[str, Any]] = {}
_EMPTY_LIST: Final[list[Any]] = []

_HOME = "langchain_core.messages."
IMMUTABLE: Final = frozenset((str, bytes, int, float, bool, type(None)))


def is_message(value: object) -> bool:
    """Tell whether `value` is one of LangChain's own messages: they come back as what they were."""
    return isinstance(value, BaseMessage) and type(value).__module__.startswith(_HOME)


class Original:
    """A message as it was decoded, held by nobody else, so that it never changes.

    Attributes:
        values: Its fields.
        extra: Its fields beyond its class, as pydantic keeps them.
        fields_set: The names of those that were given.
        names: Which fields hold what can be changed.
        is_plain: Whether all that can be changed in it is dicts and lists.
    """

    __slots__ = ("_cls", "_dicts", "_lists", "extra", "fields_set", "is_plain", "names", "values")

    def __init__(self, decoded: BaseMessage, beside: object = None) -> None:
        """Take over `decoded`, which nobody else may hold.

        Args:
            decoded: The message.
            beside: What it was encoded from; equal texts are shared with it, as one object compares faster.
        """
        values = values_of(decoded)
        if beside is not None:
            _share_texts(values, values_of(beside))
        self._cls = type(decoded)
        self.values = values
        self.extra = extra_of(decoded)
        self.fields_set = fields_set_of(decoded)
        self._dicts = [name for name, value in values.items() if type(value) is dict and not value]
        self._lists = [name for name, value in values.items() if type(value) is list and not value]
        # One for all: what is compared at each turn shall be little memory.
        values.update(dict.fromkeys(self._dicts, _EMPTY_DICT), **dict.fromkeys(self._lists, _EMPTY_LIST))
        empty = (*self._dicts, *self._lists)
        full = tuple(
            name for name, value in values.items() if type(value) not in IMMUTABLE and name not in empty
        )
        self.names: Names = (empty, full)
        self.is_plain = not self.extra and all(_is_plain(values[name]) for name in full)

    def is_held_by(self, item: object) -> bool:
        """Tell whether `item` holds what this one does."""
        return values_of(item) == self.values and extra_of(item) == self.extra

    def copy(self) -> BaseMessage:
        """A fresh message that shares nothing that can be changed, as pydantic's own `__copy__` makes it."""
        made = _new(self._cls)
        values = self.values.copy()
        for name in self._dicts:
            values[name] = {}
        for name in self._lists:
            values[name] = []
        copied = _copied if self.is_plain else deepcopy
        for name in self.names[1]:
            values[name] = copied(values[name])
        extra = self.extra
        _set_values(made, values)
        _set_fields_set(made, self.fields_set.copy())
        _set_extra(made, deepcopy(extra) if extra else extra if extra is None else {})
        _set_private(made, None)
        return made


class Tree:
    """The dicts and lists in one message's fields that are not empty, and what they hold, down to the leaves.

    It holds them, so that nothing else can take their place unseen.

    Attributes:
        roots: What the fields hold.
        dicts: The dicts that hold something.
        lists: The lists that do.
        hollow: The dicts and lists that do not.
        in_dicts: What the dicts hold, in their order.
        in_lists: What the lists hold, in theirs.
    """

    __slots__ = ("dicts", "hollow", "in_dicts", "in_lists", "lists", "roots")

    def __init__(self, roots: list[Any]) -> None:
        """Note what hangs on `roots`."""
        self.roots = roots
        self.dicts: list[dict[str, Any]] = []
        self.lists: list[list[Any]] = []
        self.hollow: list[object] = []
        below = roots
        while below:
            self.hollow += [one for one in below if type(one) in {dict, list} and not one]
            dicts = [one for one in below if type(one) is dict and one]
            lists = [one for one in below if type(one) is list and one]
            self.dicts += dicts
            self.lists += lists
            below = [value for one in dicts for value in one.values()]
            below += [value for one in lists for value in one]
        self.in_dicts = [value for one in self.dicts for value in one.values()]
        self.in_lists = [value for one in self.lists for value in one]


def tree_of(item: object, original: Original) -> Tree | None:
    """The tree of a message that holds what its original does; None when a fresh decoding might differ."""
    held, wanted = values_of(item), original.values
    names = original.names[1]
    if not original.is_plain or not all(_is_same(held[name], wanted[name]) for name in names):
        return None
    return Tree([held[name] for name in names])


def _share_texts(values: Values, beside: Values) -> None:
    for name, value in values.items():
        mine = beside.get(name)
        if type(value) is str and type(mine) is str and mine == value:
            values[name] = mine


def _is_plain(value: object) -> bool:
    if type(value) is dict:
        return all(type(key) is str for key in value) and all(map(_is_plain, value.values()))
    return all(map(_is_plain, value)) if type(value) is list else type(value) in IMMUTABLE


def _is_same(held: object, wanted: object) -> bool:
    """Equal values of one type in and out: 1 is not True, nor is a dict of another class."""
    if type(held) is not type(wanted) or held != wanted:
        return False
    if type(held) is dict and type(wanted) is dict:
        return all(_is_same(value, wanted[name]) for name, value in held.items())
    if type(held) is list and type(wanted) is list:
        return all(map(_is_same, held, wanted))
    return True


def _copied(value: Any) -> Any:  # noqa: ANN401  # whatever stands in a field
    """Copy plain data: what `deepcopy` does, in a fifth of its time."""
    if type(value) is dict:
        return {name: _copied(one) for name, one in value.items()}
    return list(map(_copied, value)) if type(value) is list else value
