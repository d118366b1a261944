"""Model output is data: what may reach a terminal, and how values become JSON."""

from __future__ import annotations

import json
import math
import re

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)"  # OSC, DCS and kin
    r"|\x1b[ -/]+[0-~]"  # character sets
    r"|\x1b[0-Z\\^_`a-~]"  # the rest of two letters
)
# Beside control characters those that turn around the order in which a line is shown.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_UNSAFE_IN_JSON = re.compile(r"[\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` without escape sequences, control characters and what reorders a line; newline and tab stay."""
    return _CONTROL.sub("", _SEQUENCE.sub("", text.replace("\r\n", "\n")))


def one_line(text: str) -> str:
    """`text`, cleaned, with every run of white space as one blank."""
    return " ".join(clean(text).split())


def to_json(value: object, *, indent: int | None = None) -> str:
    """`value` as JSON that keeps letters of any script and hides nothing from the reader.

    A number that JSON lacks (NaN, infinity) becomes null.

    Args:
        value: Plain data.
        indent: Blanks per level, or None for one line.
    """
    compact = None if indent else (",", ":")
    dumped = json.dumps(_finite(value), ensure_ascii=False, indent=indent, separators=compact)
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", dumped)


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list) else value


def counted(count: int, noun: str) -> str:
    """So many of something for people, such as `1 turn` or `1,200 turns`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def in_bytes(count: int) -> str:
    """A number of bytes for people, such as `1.4 MB`."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004  # the step between two units
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
