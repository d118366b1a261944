"""Names of the tables and their revisions; imports nothing that is heavy."""

from __future__ import annotations

from typing import Final

from memory.protocol import MemoryStoreError

SPACES: Final = "duograph_memory_spaces"
RECORDS: Final = "duograph_memory_records"
ORIGINS: Final = "duograph_memory_origins"
VECTORS: Final = "duograph_memory_vectors"
WORDS: Final = "duograph_memory_words"
"""On SQLite a full-text table, on PostgreSQL one with a `tsvector`."""

RULES: Final = "duograph_memory_rules"

VERSION_TABLE: Final = "duograph_memory_revision"
"""Alembic's own table; the usual `alembic_version` may belong to a program that shares the database."""

REVISIONS: Final = ("0001", "0002")
"""Every revision of the tables, the oldest first; a file in `migrations/versions/` for each."""

HEAD: Final = REVISIONS[-1]

BUSY_TIMEOUT_S: Final = 5.0
"""Seconds to wait for another process's lock, or for a server."""


def check_revision(found: str | None, place: str) -> None:
    """Make sure that a revision is one of ours, or that there is none yet.

    Raises:
        MemoryStoreError: When a newer version of Duograph wrote it.
    """
    if found is not None and found not in REVISIONS:
        raise MemoryStoreError(
            f"The memory in {place} is of a newer version of Duograph (its revision is {found!r}, and "
            f"{HEAD!r} is known): update Duograph, or switch memory off with DUOGRAPH_MEMORY=0."
        )
