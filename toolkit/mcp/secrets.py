"""Values that must not be shown, wherever a server repeats them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from toolkit.compact import HIDDEN, redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SECRET_NAME: Final = re.compile(
    r"token|secret|pass(?:word|wd|phrase)?(?:$|_)|pwd|key|auth|credential|cookie|private|signature|dsn"
    r"|connection_?string|session",
    re.IGNORECASE,
)
_LEAST: Final = 6
"""Shorter ones are found everywhere."""
_LONG: Final = 16
_WORDS: Final = frozenset({"basic", "bearer", "default", "digest", "enabled", "false", "token", "true"})


def is_secret(name: str) -> bool:
    """Tell by its name whether a variable or a header holds a secret, such as `SLACK_BOT_TOKEN`."""
    return bool(_SECRET_NAME.search(name))


def is_secret_header(name: str, value: str) -> bool:
    """The same of a header; a long value may be a secret, whatever its name says."""
    return is_secret(name) or (len(value) >= _LONG and not set(value) & set(" /"))


def secrets_in(words: Sequence[str]) -> list[str]:
    """The values of flags that are called like secrets, as `--api-key VALUE` and `--token=VALUE`.

    What could be the name of a file is none: whoever trusts a command must see what it runs.
    """
    found = []
    for at, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag.startswith("-") and is_secret(flag):
            found.append(value if equals else next(iter(words[at + 1 : at + 2]), ""))
    return [one for one in found if _is_rare(one) and not set(one) & set("/.$") and one[0] != "-"]


class Secrets:
    """Takes known values out of texts."""

    def __init__(self, values: Iterable[str]) -> None:
        parts = {part for value in values for part in (value, *value.split())}
        # The longest first, lest a part of one stays.
        found = sorted((part for part in parts if _is_rare(part)), key=lambda part: (-len(part), part))
        self._known = re.compile("|".join(map(re.escape, found))) if found else None

    def __repr__(self) -> str:
        return "Secrets(…)"

    def hide(self, text: str) -> str:
        """Take them out of a text of any length."""
        return self._known.sub(HIDDEN, text) if self._known else text

    def hide_all(self, text: str) -> str:
        """Take out also what only looks like a secret; for short texts."""
        return redact(self.hide(text))


def _is_rare(part: str) -> bool:
    return len(part) >= _LEAST and part.lower() not in _WORDS
