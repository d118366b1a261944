"""Memories by name, for programs that are started with one."""

import json

from memory import Memory
from memory.neo4j import open_memory as open_neo4j
from memory.sql import open_memory


def open_backend(name: str, target: str) -> Memory:
    """Open a memory.

    Args:
        name: `sqlite`, or JSON that says where a Neo4j server is and who asks.
        target: The database of the sessions.
    """
    if name == "sqlite":
        return open_memory(target)
    server = json.loads(name)
    return open_neo4j(server["uri"], server["user"], server["password"])
