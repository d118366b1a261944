"""When two calls are the same one: their arguments as the tool takes them, however a model words them."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from nodes.tool_calls import canonical, digest_of
from toolkit import AnyTool

_SPELT: Final = (bytes, date, time, timedelta, Decimal, UUID, PurePath, IPv4Address, IPv6Address, complex)
"""What says all that it is by its `repr`."""

_EMPTY: Final = (list, dict, set, frozenset, tuple)
"""Makers of defaults that are the same each time."""


def digest_for(tool: AnyTool | None, name: str, arguments: Mapping[str, Any]) -> str:
    """What the same call of a tool has in common, defaults filled in and values as the tool reads them.

    Args:
        tool: The tool, or None where there is none of that name.
        name: As the model calls it.
        arguments: As the model gave them; so they are compared where the tool does not take them, or where
            they hold what cannot be compared.
    """
    if tool is not None:
        try:
            return digest_of(name, {"": _plain(tool.schema.model_validate(dict(arguments)))})
        except Exception:  # noqa: BLE001, S110  # a validator of the program's own may raise anything
            pass
    return digest_of(name, arguments)


class _UnknownError(TypeError):
    """A value of a type that need not show all that it is, as a secret does not."""


def _plain(value: object) -> Any:  # noqa: ANN401, PLR0911  # one for each kind
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, Enum)):
        return value
    if isinstance(value, BaseModel):
        return _of_model(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {canonical({"": _plain(key)}): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(one) for one in value), key=lambda one: canonical({"": one}))
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, _SPELT):
        return [type(value).__name__, repr(value)]
    raise _UnknownError


def _of_model(value: BaseModel) -> dict[str, Any]:
    """Its fields but for defaults that are made anew each time, such as the hour."""
    given = {
        name: getattr(value, name)
        for name, field in type(value).model_fields.items()
        if name in value.model_fields_set or field.default_factory in (None, *_EMPTY)
    }
    return {name: _plain(one) for name, one in (given | (value.model_extra or {})).items()}
