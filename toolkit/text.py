"""Results as text that fits: repaired where it is odd, clipped where it is long."""

from __future__ import annotations

import re

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # colours, cursor movements
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links, strings
    r"|\x1b[ -/]*[0-Z\\^-~]?"
)
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LONE = re.compile(r"[\ud800-\udfff]")
_NOTE_CHARS = 200


def tidy(text: str) -> str:
    """Repair text that came from anywhere: never longer, valid UTF-8, no control but tab and line end.

    Terminal escapes and control characters go; half a surrogate pair becomes U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    lines = text.replace("\r\n", "\n")
    return _LONE.sub("\ufffd", _ODD.sub("", _ESCAPES.sub("", lines)))


def clip(text: str, max_chars: int, note: str = "") -> tuple[str, bool]:
    """Tidy a text and shorten it in the middle; only what is kept is looked at and copied.

    Args:
        text: Of any length.
        max_chars: The longest result, with the note and a word on what was left out; `MIN_CHARS` or more.
        note: A sentence that is never clipped away, itself 200 characters at most.

    Returns:
        The text, and whether something was left out.
    """
    ending = f"\n[{tidy(note)[:_NOTE_CHARS]}]" if note else ""
    room = max_chars - len(ending)
    if len(text) <= room:
        return tidy(text) + ending, False
    room -= len(_left_out(len(text), len(text)))
    head, tail = room - room // 4, room // 4
    gap = _left_out(len(text) - room, len(text))
    return tidy(text[:head]) + gap + tidy(text[len(text) - tail :]) + ending, True


def _left_out(count: int, total: int) -> str:
    return f"\n[… {count} of {total} characters left out here; ask for less …]\n"
