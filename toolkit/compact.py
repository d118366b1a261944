"""What a backend answered, as short JSON: long values shortened, what looks like a secret left out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

HIDDEN: Final = "[redacted]"
"""What stands for a value that is not shown."""

_SECRETS: Final = re.compile(
    r"""
    -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    | \b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b            # AWS access keys
    | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*                  # JSON web tokens
    | \b(?:gh[pousr]_\w{30,}|github_pat_\w{30,}|xox[abposr]-[\w-]{10,}|sk-[\w-]{20,})
    | (?<=[?&])(?:X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|Signature|sig)=[^&\s"']+
    | (?<=://)[^/\s:@"']*:[^/\s@"']+(?=@)                # user:password@ in an address
    | (?i:(?<=\bbearer\ )|(?<=\bbasic\ ))[\w.~+/=-]{16,}
    """,
    re.VERBOSE | re.DOTALL,
)
_SECRET_NAME: Final = re.compile(
    r"(?i)(?:pass(?:word|wd|phrase)|(?:^|_)pwd$|secret(?!s?(?:_?(?:name|arn|id|version|list|path|count|status))|s$)"
    r"|private_?key(?!_?(?:id|name|arn|type))|(?:access|auth|bearer|security|session|refresh|id|api|join|device)_?token$"
    r"|api_?key$|app(?:lication)?_?key$|auth(?:orization)?_?(?:header|key)$|^authorization$|credential(?:s)?$"
    r"|access_?key$|connection_?string|key_?material|user_?data$|session_?key$|stream_?key$)"
)
_SAFE_NAME: Final = re.compile(
    r"(?i)(?:policy|rotation|arn|enabled|last_?changed|last_?used|_?at|date|expires)$"
)

_ENDS_OF_LINES: Final = re.compile("[\x85\u2028\u2029]")


@dataclass(frozen=True)
class Caps:
    """How much of a value is shown.

    Attributes:
        chars: Characters of one text.
        items: Of one list.
        keys: Of one map.
        depth: Levels of nesting.
    """

    chars: int = 1000
    items: int = 50
    keys: int = 100
    depth: int = 8


def redact(text: str) -> str:
    """Leave out of a text what looks like a key, a token or a password."""
    return _SECRETS.sub(HIDDEN, text)


def is_secret_name(name: str) -> bool:
    """Tell whether what goes by this name is a secret, such as `MasterUserPassword`."""
    return bool(_SECRET_NAME.search(name)) and not _SAFE_NAME.search(name)


def compact(value: object, caps: Caps | None = None) -> Any:  # noqa: ANN401  # whatever JSON can say
    """Make a JSON value of any answer, with a word wherever something was left out.

    Args:
        value: Made of maps, lists, texts, numbers, times and bytes; all else is named by its class.
        caps: How much of it is shown.
    """
    return _shown(value, caps or Caps(), 0)


def as_json(value: object) -> str:
    """Write a JSON value in the fewest characters, on one line whatever its texts hold."""
    said = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # JSON leaves these as they are, and readers of lines take them for ends: a text could forge a line.
    return _ENDS_OF_LINES.sub(lambda match: f"\\u{ord(match[0]):04x}", said)


def _shown(value: object, caps: Caps, depth: int) -> object:  # noqa: PLR0911 - one for each kind
    if value is None or isinstance(value, bool | int):
        return value if not isinstance(value, int) or abs(value) < 10**30 else "[a huge number]"
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _text(value, caps.chars)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if depth >= caps.depth:
            return f"[{len(value)} more inside]"
        return _map(value, caps, depth) if isinstance(value, Mapping) else _list(value, caps, depth)
    return f"[{type(value).__name__}]"


def _text(value: str, most: int) -> str:
    # A secret that the cut goes through must be seen whole, so a little more is looked at.
    head = redact(value[: most + 4000])
    gone = max(len(value) - (most + 4000), 0) + max(len(head) - most, 0)
    return f"{head[:most]} [… {gone} more characters]" if gone else head


def _map(value: Mapping[Any, object], caps: Caps, depth: int) -> dict[str, object]:
    shown: dict[str, object] = {}
    for key, item in value.items():
        if len(shown) == caps.keys:
            shown["…"] = f"[{len(value) - caps.keys} more keys]"
            break
        name = _text(str(key), 200)
        hide = is_secret_name(name) and isinstance(item, str | bytes | bytearray) and bool(item)
        shown[name] = HIDDEN if hide else _shown(item, caps, depth + 1)
    return shown


def _list(
    value: list[object] | tuple[object, ...] | set[object] | frozenset[object], caps: Caps, depth: int
) -> list[object]:
    shown: list[object] = []
    for item in value:
        if len(shown) == caps.items:
            shown.append(f"[… {len(value) - caps.items} more]")
            break
        shown.append(_shown(item, caps, depth + 1))
    return shown
