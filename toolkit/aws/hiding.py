"""Leaving secrets out of an answer of AWS: what its own description marks as one, and what its name tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from toolkit.compact import HIDDEN, is_secret_name

_PAGING: Final = re.compile(r"(?i)(?:next_?|continuation_?|page_?)(?:token|marker)$|^marker$")
_VARIABLES: Final = re.compile(r"(?i)environment_?variables$|^variables$|^environment$")
_NAMES: Final = ("name", "Name", "key", "Key", "ParameterKey", "OutputKey", "OptionName", "ParameterName")
_VALUES: Final = ("value", "Value", "ParameterValue", "OutputValue")
_MOST_DEPTH: Final = 40


def hide(  # noqa: PLR0911 - one for each kind
    value: object,
    shape: Any,  # noqa: ANN401  # botocore has no types
    name: str = "",
    depth: int = 0,
) -> object:
    """Copy an answer without its secrets.

    Args:
        value: As boto3 gave it.
        shape: botocore's description of it, or None.
        name: What it goes by in what it is part of.
        depth: How deep it lies.
    """
    if value is None or value in ("", [], {}) or isinstance(value, bool):
        return value
    if depth > _MOST_DEPTH:
        return HIDDEN
    is_marked = bool(getattr(shape, "metadata", {}).get("sensitive"))
    if _VARIABLES.search(name) and (is_marked or isinstance(value, Mapping | list)):
        return _only_names(value, shape, depth)
    if is_marked and not _PAGING.search(name):
        return HIDDEN
    if isinstance(value, Mapping):
        return _map(value, shape, depth)
    if isinstance(value, list | tuple):
        member = getattr(shape, "member", None)
        return [hide(item, member, name, depth + 1) for item in value]
    is_secret = isinstance(value, str | bytes) and is_secret_name(name) and not _PAGING.search(name)
    return HIDDEN if is_secret else value


def _map(value: Mapping[str, object], shape: Any, depth: int) -> dict[str, object]:  # noqa: ANN401  # see above
    members = getattr(shape, "members", None) or {}
    of_any = getattr(shape, "value", None)
    shown = {key: hide(item, members.get(key, of_any), str(key), depth + 1) for key, item in value.items()}
    called = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), "")
    if is_secret_name(str(called)) or value.get("Type") == "SecureString":
        shown |= dict.fromkeys([key for key in _VALUES if key in shown], HIDDEN)
    return shown


def _only_names(value: object, shape: Any, depth: int) -> object:  # noqa: ANN401  # see above
    """Show which variables there are, and not what they hold."""
    if isinstance(value, Mapping):
        inner = {key: item for key, item in value.items() if isinstance(item, Mapping | list)}
        members = getattr(shape, "members", None) or {}
        shown: dict[str, object] = dict.fromkeys(value, HIDDEN)
        return shown | {
            key: hide(item, members.get(key), "variables", depth + 1) for key, item in inner.items()
        }
    if isinstance(value, list):
        return [
            {key: HIDDEN if key in _VALUES else item for key, item in one.items()}
            if isinstance(one, Mapping)
            else HIDDEN
            for one in value
        ]
    return HIDDEN
