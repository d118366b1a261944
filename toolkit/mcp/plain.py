"""A server's own words, as text that can only be read: short, on one line, with nothing hidden in it."""

from __future__ import annotations

import unicodedata

from toolkit.text import tidy

_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cn", "Cs"})


def plain(text: str, most: int) -> str:
    """Make one line of it, without control characters, marks of direction and characters that are not seen.

    Args:
        text: Of any length; only the beginning is looked at.
        most: The longest result, in characters.
    """
    head = tidy(text[: 4 * most])
    seen = "".join(" " if char.isspace() else char for char in head if char.isspace() or _is_seen(char))
    line = " ".join(seen.split())
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[: most - 1]}…"


def _is_seen(char: str) -> bool:
    return unicodedata.category(char) not in _UNSEEN


def has_hidden(text: str) -> bool:
    """Tell whether a text holds what is not seen, other than line ends and tabs."""
    return not text.isprintable() and any(not _is_seen(char) for char in text if char not in "\t\n\r")
