"""Which server and database, who asks, and how that is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from memory.protocol import MemoryStoreError

SCHEMES: Final = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
_FORM: Final = re.compile(r"(?P<scheme>[a-z0-9+]+)://(?P<host>[^/?#]+)(?:/)?(?P<rest>\?.*)?", re.IGNORECASE)
_HIDDEN: Final = "***"


@dataclass(frozen=True)
class Address:
    """A database on a server, and the user there.

    Attributes:
        uri: Such as `neo4j://localhost:7687`; it holds no password.
        user: Empty for a server that asks for none.
        password: Of the user; in no text that this object gives.
        database: Empty for the user's own.
    """

    uri: str
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""

    def __post_init__(self) -> None:
        """Refuse what names no server.

        Raises:
            MemoryStoreError: When the address is none, or holds a password.
        """
        found = _FORM.fullmatch(self.uri.strip())
        if "@" in self.uri:
            # All of it may be the password, or a part of one.
            raise MemoryStoreError(
                "The address in neo4j_uri holds an @, as if a user or password stood in it: write "
                "neo4j://HOST:PORT there, and the others in neo4j_user and neo4j_password."
            )
        if found is None or found["scheme"].lower() not in SCHEMES:
            raise MemoryStoreError(
                f"The address {self.uri!r} in neo4j_uri names no Neo4j server: write neo4j://HOST:PORT, or "
                f"another of {', '.join(SCHEMES)}."
            )
        if self.password and not self.user:
            raise MemoryStoreError(
                "A password for Neo4j is set and no user: set neo4j_user, which is mostly `neo4j`."
            )

    @property
    def place(self) -> str:
        """The address as messages show it."""
        return f"{self.uri.strip()}{'#' if self.database else ''}{self.database}"

    def without_secrets(self, text: str) -> str:
        """Blot the password out of a text, as it is and as an address writes it."""
        for secret in {self.password, unquote(self.password)} - {""}:
            text = text.replace(secret, _HIDDEN)
        return text
