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

State: TypeAlias = tuple[dict[str, Any], dict[str, Any] | None]

state_of: Final[Callable[[object], State]] = attrgetter("__dict__", "__pydantic_extra__")
"""All that a message holds and a serialiser writes; its parts are not copies."""

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
_CAN_COUNT: Final = bool(getattr(sys, "_is_gil_enabled", lambda: True)())

_HOME = "langchain_core.messages."
IMMUTABLE: Final = frozenset((str, bytes, int, float, bool, type(None)))


def is_message(value: object) -> bool:
    """Tell whether `value` is one of LangChain's own messages: they come back as what they were."""
    return isinstance(value, BaseMessage) and type(value).__module__.startswith(_HOME)


class Original:
    """A message as it was decoded, held by nobody else, so that it never changes."""

    __slots__ = ("_cls", "_dicts", "_empty", "_fields_set", "_full", "_lists", "state")

    def __init__(self, decoded: BaseMessage) -> None:
        """Take over `decoded`, which nobody else may hold."""
        values = decoded.__dict__
        self._cls = type(decoded)
        self.state = state_of(decoded)
        self._dicts = [name for name, value in values.items() if type(value) is dict and not value]
        self._lists = [name for name, value in values.items() if type(value) is list and not value]
        self._empty = [*self._dicts, *self._lists]
        self._full = [
            name for name, value in values.items() if type(value) not in IMMUTABLE and name not in self._empty
        ]
        self._fields_set = decoded.__pydantic_fields_set__

    def is_free(self, item: BaseMessage) -> bool:
        """Tell whether `item`, which one list alone holds, is as it was, and nobody holds a part of it."""
        if self._full or not _CAN_COUNT or state_of(item) != self.state:
            return False
        if item.__pydantic_fields_set__ != self._fields_set or item.__pydantic_extra__:
            return False
        values = item.__dict__
        parts = [values[name] for name in self._empty]
        parts += (values, item.__pydantic_fields_set__)
        if item.__pydantic_extra__ is not None:
            parts.append(item.__pydantic_extra__)
        del values
        return max(counts(parts)) == HELD_ONCE + 1

    def copy(self) -> BaseMessage:
        """A fresh message that shares nothing that can be changed, as pydantic's own `__copy__` makes it."""
        made = _new(self._cls)
        stored, extra = self.state
        values = stored.copy()
        for name in self._dicts:
            values[name] = {}
        for name in self._lists:
            values[name] = []
        for name in self._full:
            values[name] = deepcopy(values[name])
        _set_values(made, values)
        _set_fields_set(made, self._fields_set.copy())
        _set_extra(made, deepcopy(extra) if extra else extra if extra is None else {})
        _set_private(made, None)
        return made
