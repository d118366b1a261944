"""Handing out a stored message again without decoding it, and seeing whether one was changed in place."""

from __future__ import annotations

import marshal
import pickle
from copy import deepcopy
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from langchain_core.messages import BaseMessage
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable

Values: TypeAlias = dict[str, Any]

values_of: Final[Callable[[object], Values]] = attrgetter("__dict__")
extra_of: Final[Callable[[object], Values | None]] = attrgetter("__pydantic_extra__")
fields_set_of: Final[Callable[[object], set[str]]] = attrgetter("__pydantic_fields_set__")

# The slots themselves: a long conversation is copied at each turn, and `setattr` takes twice as long.
_new = object.__new__
_set_values = BaseModel.__dict__["__dict__"].__set__
_set_fields_set = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private = BaseModel.__dict__["__pydantic_private__"].__set__

_EMPTY_DICT: Final[dict[str, Any]] = {}
_EMPTY_LIST: Final[list[Any]] = []

_HOME = "langchain_core.messages."
IMMUTABLE: Final = frozenset((str, bytes, int, float, bool, type(None)))


def is_message(value: object) -> bool:
    """Tell whether `value` is one of LangChain's own messages: they come back as what they were."""
    return is_message_type(type(value))


def is_message_type(kind: type) -> bool:
    """Tell whether objects of this very class are such messages."""
    return issubclass(kind, BaseMessage) and kind.__module__.startswith(_HOME)


class Original:
    """A message as it was decoded, held by nobody else, so that it never changes.

    Attributes:
        values: Its fields.
        extra: Its fields beyond its class, as pydantic keeps them.
        fields_set: The names of those that were given.
    """

    __slots__ = ("_cls", "_dicts", "_full", "_is_plain", "_lists", "extra", "fields_set", "values")

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
        self._is_plain = is_plain(decoded)
        self._full = [
            name
            for name, value in values.items()
            if type(value) not in IMMUTABLE and name not in self._dicts and name not in self._lists
        ]

    def is_held_by(self, item: object) -> bool:
        """Tell whether `item` holds what this one does, down to types and order: `True` is not 1."""
        values, wanted = values_of(item), self.values
        try:
            if not self._is_plain:
                return _is_same(values, wanted) and _is_same(extra_of(item), self.extra)
            return (
                values == wanted
                and extra_of(item) == self.extra
                and list(map(type, values.values())) == list(map(type, wanted.values()))
                and (not self._full or self._dumped(values) == self._dumped(wanted))
            )
        except Exception:  # noqa: BLE001  # somebody else's `__eq__`, or what cannot be dumped
            return False

    def _dumped(self, values: Values) -> bytes:
        # In C, and in the format that does not tell which objects are shared.
        return marshal.dumps([values[name] for name in self._full], 2)

    def copy(self) -> BaseMessage:
        """A fresh message that shares nothing that can be changed, as pydantic's own `__copy__` makes it."""
        made = _new(self._cls)
        values = self.values.copy()
        for name in self._dicts:
            values[name] = {}
        for name in self._lists:
            values[name] = []
        copied = _copied if self._is_plain else deepcopy
        for name in self._full:
            values[name] = copied(values[name])
        extra = self.extra
        _set_values(made, values)
        _set_fields_set(made, self.fields_set.copy())
        _set_extra(made, deepcopy(extra) if extra else extra if extra is None else {})
        _set_private(made, None)
        return made


def _share_texts(values: Values, beside: Values) -> None:
    for name, value in values.items():
        mine = beside.get(name)
        if type(value) is str and type(mine) is str and mine == value:
            values[name] = mine


def is_plain(item: object) -> bool:
    """Tell whether all that can be changed in a message is dicts and lists."""
    return not extra_of(item) and all(map(_is_plain, values_of(item).values()))


def _is_plain(value: object) -> bool:
    if type(value) is dict:
        return all(type(key) is str for key in value) and all(map(_is_plain, value.values()))
    return all(map(_is_plain, value)) if type(value) is list else type(value) in IMMUTABLE


def _is_same(value: Any, wanted: Any) -> bool:  # noqa: ANN401  # whatever stands in a field
    """Compare down to the types, where `==` would not do: an array gives no answer, and 1 equals `True`."""
    kind = type(wanted)
    if type(value) is not kind:
        return False
    if kind is dict:
        return _is_same([*value.items()], [*wanted.items()])
    if kind is list or kind is tuple:
        return len(value) == len(wanted) and all(map(_is_same, value, wanted))
    if kind is set or kind is frozenset:
        return {(type(one), one) for one in value} == {(type(one), one) for one in wanted}
    if value is wanted or kind in IMMUTABLE:
        return bool(value == wanted)
    return pickle.dumps(value) == pickle.dumps(wanted)


def _copied(value: Any) -> Any:  # noqa: ANN401  # whatever stands in a field
    """Copy plain data: what `deepcopy` does, in a fifth of its time."""
    if type(value) is dict:
        return {name: _copied(one) for name, one in value.items()}
    return list(map(_copied, value)) if type(value) is list else value
