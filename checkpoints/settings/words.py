"""What a setting may be, in words."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_OF_A_NUMBER: Final = ("int_", "float_", "greater_than", "less_than", "finite_number")
_UNITS: Final = {"_s": " of seconds", "_gb": " of gigabytes", "_usd": " of US dollars"}
"""Our names of settings end in what they count."""


def allowed(error: ErrorDetails, fields: Mapping[str, FieldInfo]) -> str:
    """What is allowed where pydantic found something else, as a request; its own words for other types.

    Args:
        error: Of pydantic.
        fields: The fields of the model, by name.
    """
    kind, told = error["type"], error["msg"].removeprefix("Value error, ").rstrip(".")
    name = str(error["loc"][0]) if error["loc"] else ""
    if len(error["loc"]) != 1 or name not in fields:
        return told
    declared = _plain(fields[name].annotation)
    if kind.startswith("bool_"):
        return "write yes or no (true or false)"
    if get_origin(declared) is Literal:
        return f"choose one of {', '.join(map(str, get_args(declared)))}" if kind == "literal_error" else told
    if declared in {int, float} and kind.startswith(_OF_A_NUMBER):
        return (
            f"write a {'whole ' if declared is int else ''}number{_unit(name)} {_span(fields[name])}".rstrip()
        )
    return told


def _plain(annotation: Any) -> Any:  # noqa: ANN401  # a type
    """The type of a value that may be left out."""
    others = [one for one in get_args(annotation) if one is not NoneType]
    return others[0] if len(others) == 1 and NoneType in get_args(annotation) else annotation


def _unit(name: str) -> str:
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")


def _span(field: FieldInfo) -> str:
    """The range of a number's field."""
    found = {
        key: getattr(rule, key)
        for rule in field.metadata
        for key in ("ge", "gt", "le", "lt")
        if hasattr(rule, key)
    }
    least = f"from {found['ge']}" if "ge" in found else f"above {found['gt']}" if "gt" in found else ""
    if "le" in found:
        most = f"to {found['le']}" if "ge" in found else f"at most {found['le']}"
    else:
        most = f"below {found['lt']}" if "lt" in found else "on" if "ge" in found else ""
    both = " " if "ge" in found else " and "
    return both.join(part for part in (least, most) if part)
