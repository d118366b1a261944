"""Memory in an SQL database, SQLite or PostgreSQL; see `README.md`.

The names below are loaded at first use: SQLAlchemy takes half a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memory.sql.store import SqlMemory, open_memory

__all__ = ["SqlMemory", "open_memory"]


def __getattr__(name: str) -> object:
    """Import what is heavy when it is first asked for (PEP 562)."""
    if name in __all__:
        return getattr(import_module("memory.sql.store"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
