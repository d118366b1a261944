"""Addresses of PostgreSQL servers: which text is one, how it is shown, what the driver is given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode

from checkpoints.protocol import DatabaseError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

_ADDRESS = re.compile(r"postgres(?:ql)?://", re.IGNORECASE)
_HOST = re.compile(r"[^/?]*")
_SHOWN = ("host", "hostaddr", "port", "dbname", "user", "service")
_SECRET = ("password", "sslpassword")

# A server or a line that died without a word is noticed after half a minute, by both sides.
_PATIENCE: dict[str, str | int | None] = {
    "application_name": "duograph",
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def is_postgres(target: str | Path) -> bool:
    """Whether `target` is the address of a PostgreSQL server."""
    return bool(_ADDRESS.match(str(target)))


def place_of(target: str) -> str:
    """The address as messages show it: user, host, port and database, and nothing else of it."""
    rest = target.split("://", 1)[1]
    # A password may hold any sign, also one that was to be escaped: all before the last @ is kept back.
    login, at, after = rest.rpartition("@")
    user = login.split(":", 1)[0] if at else ""
    where, _, query = after.partition("?")
    shown = [(name, value) for name, value in parse_qsl(query) if name in _SHOWN]
    host = _HOST.match(where)
    path = where[host.end() if host else 0 :]
    known = f"?{urlencode(shown, safe='/')}" if shown else ""
    return f"postgresql://{user}{at}{where[: host.end()] if host else ''}{path}{known}"


def secrets_of(target: str) -> list[str]:
    """What of an address nobody may see, as it is written there and as it is meant; the longest first."""
    rest = target.split("://", 1)[1]
    login, _, after = rest.rpartition("@")
    found = {login.partition(":")[2]}
    found |= {value for name, value in parse_qsl(after.partition("?")[2]) if name in _SECRET}
    found |= {unquote(one) for one in found}
    return sorted((one for one in found if one), key=len, reverse=True)


def driver() -> ModuleType:
    """Give psycopg, when all is there that sessions on a server need.

    Raises:
        DatabaseError: When a package is missing.
    """
    try:
        import langgraph.checkpoint.postgres  # noqa: F401, PLC0415 - an extra
        import psycopg  # noqa: PLC0415 - the same
    except ImportError as error:
        raise DatabaseError(
            f"Sessions on a PostgreSQL server need a package that is missing ({error.name or error}): "
            "run `pip install 'duograph[postgres]'`."
        ) from None
    return psycopg


def conninfo_of(target: str) -> str:
    """What the driver connects with: the address, and patience that has an end where it names none.

    Raises:
        DatabaseError: When the address cannot be read, or the driver is missing.
    """
    psycopg = driver()
    from psycopg.conninfo import conninfo_to_dict, make_conninfo  # noqa: PLC0415 - an extra

    try:
        said = conninfo_to_dict(target)
    except psycopg.Error:
        # The driver's own words quote the part that it did not understand, which may be the password.
        raise DatabaseError(
            f"The database address {place_of(target)} cannot be read: write "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with signs such as @ / : in the password as "
            "%40 %2F %3A."
        ) from None
    merged: dict[str, Any] = {**_PATIENCE, **said}
    return str(make_conninfo("", **merged))
