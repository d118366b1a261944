"""Memories by name, for programs that are started with one."""

from memory import Memory
from memory.sql import open_memory


def open_backend(name: str, target: str) -> Memory:
    """Open a memory; another backend needs a line here, and its name where it is tested.

    Args:
        name: Of the backend.
        target: The database of the sessions.
    """
    if name == "sqlite":
        return open_memory(target)
    raise ValueError(name)
