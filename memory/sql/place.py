"""Where memory lies: which text is a file and which a server, and how each is shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode

from memory.protocol import MemoryStoreError

IN_MEMORY: Final = ":memory:"

_SERVER: Final = re.compile(r"postgres(?:ql)?://", re.IGNORECASE)
_URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://")
_SHOWN: Final = ("host", "hostaddr", "port", "dbname", "user", "service")
_SECRET: Final = ("password", "sslpassword")


def is_server(target: str | Path) -> bool:
    """Whether `target` is the address of a PostgreSQL server."""
    return bool(_SERVER.match(str(target)))


def place_of(target: str | Path) -> str:
    """The database as messages name it: of an address the user, host, port and database alone."""
    text = str(target)
    if not is_server(text):
        return text
    rest = text.split("://", 1)[1]
    # A password may hold any sign, also one that was to be escaped: all before the last @ is kept back.
    login, at, after = rest.rpartition("@")
    user = login.split(":", 1)[0] if at else ""
    where, _, query = after.partition("?")
    known = urlencode([(name, value) for name, value in parse_qsl(query) if name in _SHOWN], safe="/")
    return f"postgresql://{user}{at}{where}{'?' if known else ''}{known}"


def without_secrets(text: str, target: str | Path) -> str:
    """Take an address's passwords out of a text, as they are written there and as they are meant."""
    if not is_server(target):
        return text
    login, _, after = str(target).split("://", 1)[1].rpartition("@")
    found = {login.partition(":")[2]}
    found |= {value for name, value in parse_qsl(after.partition("?")[2]) if name in _SECRET}
    found |= {unquote(one) for one in found}
    for secret in sorted((one for one in found if one), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def file_of(target: str | Path) -> Path | None:
    """The SQLite file that `target` means, or None for a database in memory.

    Raises:
        MemoryStoreError: When `target` names a server that is no PostgreSQL, or nothing at all.
    """
    text = str(target)
    if text == IN_MEMORY:
        return None
    if url := _URL.match(text):
        # The rest may hold a password, so only its scheme is shown.
        raise MemoryStoreError(
            f"Memory cannot be kept in a database of the kind {url['scheme']}://: give the path of an SQLite "
            "file, or the address of a PostgreSQL server, which begins with postgresql://."
        )
    if not text.strip() or "\0" in text:
        raise MemoryStoreError(f"The database {text!r} names no file: give the path of an SQLite file.")
    try:
        return Path(text).expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise MemoryStoreError(f"The database {text} has no place ({error}): give a full path.") from error
