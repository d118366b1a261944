"""Which hosts a person may allow: names, no addresses; checked when written, not when one is asked."""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MAX_NAME: Final = 253
_MAX_PORT: Final = 65_535
_FORMS: Final = "write example.com, *.example.com or example.com:8443"


def problem_with_host(pattern: str) -> str | None:
    """Why a pattern of hosts cannot be used, as the end of a sentence that says what to do; None when it can.

    Args:
        pattern: As in `WebPolicy.hosts`.
    """
    if "://" in pattern or "/" in pattern or "@" in pattern:
        return f"it is a URL or a part of one, and hosts are wanted: {_FORMS}"
    name, colon, port = pattern.lower().partition(":")
    if ":" in port or name.startswith("["):
        return f"addresses are not taken, only names: {_FORMS}"
    if colon and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= _MAX_PORT):
        return f"a port is a number from 1 to {_MAX_PORT}: {_FORMS}"
    return None if name == "*" else _problem_with_name(name.removeprefix("*."))


def _problem_with_name(name: str) -> str | None:
    try:
        labels = ascii_name(name).split(".")
    except UnicodeError:
        return f"it names no host: {_FORMS}"
    # As resolvers read it: 127.1 and 0x7f000001 are addresses as well.
    if _NUMBER.fullmatch(labels[-1]):
        return f"addresses are not taken, only names: {_FORMS}"
    if labels[-1] == "localhost":
        return "this machine is never asked: name hosts of the public network"
    if len(name) > _MAX_NAME or not all(map(_LABEL.fullmatch, labels)):
        return f"it names no host: {_FORMS}"
    return None


def ascii_name(name: str) -> str:
    """A host's name as DNS writes it.

    Raises:
        UnicodeError: When it has no such form.
    """
    return name if name.isascii() else name.encode("idna").decode("ascii")
