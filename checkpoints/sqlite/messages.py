"""Handing out a stored message again without decoding it, and seeing whether one was changed in place."""

from __future__ import annotations

from copy import deepcopy
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from langchain_core.messages import BaseMessage

if TYPE_CHECKING:
    from collections.abc import Callable

State: TypeAlias = tuple[dict[str, Any], dict[str, Any] | None]

state_of: Final[Callable[[object], State]] = attrgetter("__dict__", "__pydantic_extra__")
"""All that a message holds and a serialiser writes; its parts are not copies."""

_set: Final = object.__setattr__
_HOME = "langchain_core.messages."
IMMUTABLE: Final = frozenset((str, bytes, int, float, bool, type(None)))


def is_message(value: object) -> bool:
    """Tell whether `value` is one of LangChain's own messages: they come back as what they were."""
    return isinstance(value, BaseMessage) and type(value).__module__.startswith(_HOME)


class Original:
    """A message as it was decoded, held by nobody else, so that it never changes."""

    __slots__ = ("_cls", "_containers", "_fields_set", "state")

    def __init__(self, decoded: BaseMessage) -> None:
        """Take over `decoded`, which nobody else may hold."""
        self._cls = type(decoded)
        self.state = state_of(decoded)
        self._containers = [
            (name, type(value) if type(value) in (dict, list) and not value else value)
            for name, value in decoded.__dict__.items()
            if type(value) not in IMMUTABLE
        ]
        self._fields_set = decoded.__pydantic_fields_set__

    def copy(self) -> BaseMessage:
        """A fresh message that shares nothing that can be changed, as pydantic's own `__copy__` makes it."""
        made = self._cls.__new__(self._cls)
        stored, extra = self.state
        values = stored.copy()
        for name, value in self._containers:
            values[name] = value() if type(value) is type else deepcopy(value)
        _set(made, "__dict__", values)
        _set(made, "__pydantic_fields_set__", self._fields_set.copy())
        _set(made, "__pydantic_extra__", deepcopy(extra) if extra else extra if extra is None else {})
        _set(made, "__pydantic_private__", None)
        return made
