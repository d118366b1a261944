"""Where a graph is: a server, as the environment names it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final

SCHEMES: Final = frozenset({"bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"})
"""What an address begins with."""

URI: Final = "NEO4J_URI"
USERNAME: Final = "NEO4J_USERNAME"
PASSWORD: Final = "NEO4J_PASSWORD"  # noqa: S105 - a variable's name
DATABASE: Final = "NEO4J_DATABASE"


@dataclass(frozen=True)
class Server:
    """Where a graph is.

    Attributes:
        uri: Such as `neo4j+s://graph.example.com`.
        user: Empty when the server wants none.
        password: Of the user.
        database: Empty for the user's own.
        max_bytes: The most that is received in one look; one value can be as large as the server's memory.
    """

    uri: str = field(repr=False)  # one with a password in it is refused later
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    max_bytes: int = 16 * 2**20


def from_environment() -> Server:
    """Take the server from `NEO4J_URI`, `NEO4J_USERNAME`, `NEO4J_PASSWORD` and `NEO4J_DATABASE`."""
    found = os.environ
    return Server(
        found.get(URI, "").strip(),
        found.get(USERNAME) or ("neo4j" if found.get(PASSWORD) else ""),
        found.get(PASSWORD, ""),
        found.get(DATABASE, ""),
    )
