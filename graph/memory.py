"""The memory that the settings describe: where it is kept, whose it is, and why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodes.remembering import Remembering

if TYPE_CHECKING:
    from graph.settings import Settings
    from memory import Memory
    from memory.queue.protocol import Jobs

_SWITCHED_OFF = "it is switched off; set DUOGRAPH_MEMORY=true, or memory = true in duograph.toml."
_ENCRYPTED = (
    "the sessions are encrypted at rest, and an index to search in would hold their words in clear; take "
    "another database, without encryption_key, where things shall be remembered."
)


def why_off(settings: Settings) -> str:
    """Why nothing is remembered, in one sentence that says what to do; empty where memory is in use."""
    if not settings.memory:
        return _SWITCHED_OFF
    return _ENCRYPTED if settings.encryption_key is not None else ""


def open_memory(settings: Settings) -> Memory | None:
    """Make the memory that the settings describe; nothing is opened or contacted before its first use.

    Where sessions are kept in a file, open that first: it is made with the right mode.

    Returns:
        None where `why_off` says why.

    Raises:
        MemoryStoreError: When it is configured wrongly.
    """
    if why_off(settings):
        return None
    if settings.neo4j_uri:
        from memory.neo4j import open_memory as open_neo4j  # noqa: PLC0415  # its driver is an extra

        password = settings.neo4j_password
        return open_neo4j(
            settings.neo4j_uri,
            user=settings.neo4j_user if settings.neo4j_password else "",
            password=password.get_secret_value() if password else "",
            database=settings.neo4j_database,
        )
    from memory.sql import open_memory as open_sql  # noqa: PLC0415  # SQLAlchemy takes half a second

    return open_sql(settings.database_path)


def open_jobs(settings: Settings) -> Jobs | None:
    """Make the queue of work behind the answer, in the sessions' database; see `open_memory`."""
    if why_off(settings):
        return None
    from memory.queue.sql import SqlJobs  # noqa: PLC0415  # SQLAlchemy takes half a second

    return SqlJobs(settings.database_path)


def compares_vectors(settings: Settings) -> bool:
    """Whether meanings are compared beside words: as configured, else where an embedding model is."""
    if settings.memory_vectors is not None:
        return settings.memory_vectors
    return settings.embedding_model != "offline"


def remembering_of(settings: Settings) -> Remembering:
    """What the nodes are told of the settings."""
    return Remembering(
        user=settings.user,
        archives=tuple(settings.archives),
        recall_tokens=settings.recall_tokens,
        min_score=settings.memory_min_score,
        max_results=settings.memory_max_results,
        learns=settings.enrichment != "off",
        off=why_off(settings),
    )
