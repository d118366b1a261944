"""Reads addresses and keys that the environment gives to backends; what cannot work is told at the start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from providers.protocol import ModelConfigError
from providers.scrub import quote

if TYPE_CHECKING:
    from collections.abc import Sequence


def address(variables: Sequence[str]) -> tuple[str, str] | None:
    """Return the first address that is set, without a slash at its end, and the variable that set it.

    Args:
        variables: Environment variables in the order in which they count.

    Raises:
        ModelConfigError: When it is no address, or carries a secret, which is not repeated.
    """
    source = next((name for name in variables if os.environ.get(name, "").strip()), None)
    if source is None:
        return None
    url = os.environ[source].strip()
    check_address(url, source)
    return url.rstrip("/"), source


def check_address(url: str, source: str, example: str = "http://localhost:11434/v1") -> None:
    """Refuse an address that cannot work.

    Args:
        url: The address.
        source: The variable that holds it.
        example: How it should look.

    Raises:
        ModelConfigError: When there is no http:// or https://, host and port in it, or more than that.
    """
    if "@" in url or "?" in url or "#" in url:
        raise ModelConfigError(
            f"{source} must hold no user name, password, query or fragment; "
            "put the key into its own variable instead (it is not repeated here)."
        )
    try:
        parts = urlsplit(url)
        usable = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(letter.isspace() or not letter.isprintable() for letter in url):
        raise ModelConfigError(f"{source} is {quote(url)}, which is no address; write it like {example}.")


def key(variables: Sequence[str], given: SecretStr | None) -> SecretStr | None:
    """Return the key to send, without blanks and newlines around it.

    Args:
        variables: Environment variables in the order in which they count.
        given: A key that goes before them.

    Returns:
        The key, or None when there is none.

    Raises:
        ModelConfigError: When it holds what no HTTP header can carry.
    """
    source, value = "", given.get_secret_value().strip() if given else ""
    if not value:
        found = ((name, os.environ.get(name, "").strip()) for name in variables)
        source, value = next(((name, value) for name, value in found if value), ("", ""))
    if not value:
        return None
    wrong = next((place for place, letter in enumerate(value, 1) if not "!" <= letter <= "~"), None)
    if wrong is not None:
        name = source or f"{variables[0]}, or the key given in its place,"
        raise ModelConfigError(
            f"{name} holds a character at place {wrong} of {len(value)} that no key has, such as a blank, a "
            "newline or a typographic quotation mark; copy the key once more (it is not repeated here)."
        )
    return SecretStr(value)
