"""Constraints and indexes, made by numbered migrations; the version is kept in the database itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from memory.protocol import MemoryStoreError

if TYPE_CHECKING:
    from neo4j import AsyncManagedTransaction, AsyncSession

VECTOR_INDEX: Final = "duograph_vectors"
WORD_INDEX: Final = "duograph_words"

# Each statement can be made again, so that a start that was cut off, or several at once, do no harm. What
# only the Enterprise edition has (node keys, existence) is left out.
_RECORDS: Final = f"""
CREATE CONSTRAINT duograph_schema IF NOT EXISTS FOR (s:DuographSchema) REQUIRE s.name IS UNIQUE;
CREATE CONSTRAINT duograph_namespace IF NOT EXISTS FOR (n:DuographNamespace) REQUIRE n.name IS UNIQUE;
CREATE CONSTRAINT duograph_record IF NOT EXISTS FOR (r:DuographRecord) REQUIRE (r.namespace, r.id) IS UNIQUE;
CREATE CONSTRAINT duograph_entity IF NOT EXISTS FOR (e:DuographEntity) REQUIRE (e.namespace, e.key) IS UNIQUE;
CREATE CONSTRAINT duograph_session IF NOT EXISTS
FOR (s:DuographSession) REQUIRE (s.namespace, s.id) IS UNIQUE;
CREATE INDEX duograph_position IF NOT EXISTS FOR (r:DuographRecord) ON (r.namespace, r.position);
CREATE INDEX duograph_subject IF NOT EXISTS FOR (r:DuographRecord) ON (r.namespace, r.subject_key);
CREATE INDEX duograph_branch IF NOT EXISTS FOR (r:DuographRecord) ON (r.namespace, r.archive, r.branch);
CREATE INDEX duograph_superseded IF NOT EXISTS FOR (r:DuographRecord) ON (r.namespace, r.superseded_by);
CREATE FULLTEXT INDEX {WORD_INDEX} IF NOT EXISTS FOR (r:DuographRecord) ON EACH [r.keys, r.main, r.around]
OPTIONS {{indexConfig: {{`fulltext.analyzer`: 'whitespace', `fulltext.eventually_consistent`: false}}}}
"""
_VECTORS: Final = """
CREATE CONSTRAINT duograph_vector IF NOT EXISTS
FOR (v:DuographVector) REQUIRE (v.namespace, v.model, v.record) IS UNIQUE;
CREATE INDEX duograph_vector_space IF NOT EXISTS FOR (v:DuographVector) ON (v.space)
"""

MIGRATIONS: Final = tuple(text.strip().split(";\n") for text in (_RECORDS, _VECTORS))

VERSION: Final = len(MIGRATIONS)

_OPTIONS: Final = "OPTIONS {indexConfig: {`vector.similarity_function`: 'cosine'}}"
_PLAIN_VECTORS: Final = (
    f"CREATE VECTOR INDEX {VECTOR_INDEX} IF NOT EXISTS FOR (v:DuographVector) ON (v.embedding) {_OPTIONS}"
)
_SPACED_VECTORS: Final = (
    f"CYPHER 25 CREATE VECTOR INDEX {VECTOR_INDEX} IF NOT EXISTS "
    f"FOR (v:DuographVector) ON v.embedding WITH [v.space] {_OPTIONS}"
)
_SEARCH_CLAUSE: Final = (2026, 1)
_WAIT_S: Final = 30
_TRIES: Final = 10

# Two first starts at once may both see that a rule is not there.
_MADE_MEANWHILE: Final = (
    "EquivalentSchemaRuleAlreadyExists",
    "ConstraintAlreadyExists",
    "IndexAlreadyExists",
)


@dataclass(frozen=True)
class Features:
    """What a server can do.

    Attributes:
        has_spaces: Whether its vector index holds the spaces, so that a search looks at one alone.
    """

    has_spaces: bool


async def prepare(session: AsyncSession, place: str) -> Features:
    """Bring the database's constraints and indexes up to date.

    Args:
        session: On that database.
        place: The database as messages name it.

    Raises:
        MemoryStoreError: When they are of a newer version.
    """
    found = await version_of(session)
    if found > VERSION:
        raise MemoryStoreError(
            f"The memory in {place} was written by a newer version (schema {found}, known up to {VERSION}): "
            "upgrade Duograph, or choose another database in neo4j_database."
        )
    await migrate(session, found, VERSION)
    return await _vector_index(session)


async def version_of(session: AsyncSession) -> int:
    """The version of the schema; 0 where there is none."""
    result = await session.run("MATCH (s:DuographSchema) RETURN max(s.version) AS version")
    record = await result.single()
    return int(record["version"] or 0) if record else 0


async def migrate(session: AsyncSession, found: int, wanted: int) -> None:
    """Apply the migrations after one version up to another."""
    for number in range(found + 1, wanted + 1):
        for statement in MIGRATIONS[number - 1]:
            await _make(session, statement)
        # Not counted up: several starts at once all write the same.
        await _make(
            session,
            f"MERGE (s:DuographSchema {{name: 'memory'}}) "
            f"SET s.version = CASE WHEN s.version > {number} THEN s.version ELSE {number} END",
        )


async def _vector_index(session: AsyncSession) -> Features:
    can_space = await _server_version(session) >= _SEARCH_CLAUSE
    has_spaces = await _has_spaces(session)
    if has_spaces is None or (can_space and not has_spaces):
        if has_spaces is False:  # the server was upgraded
            await _make(session, f"DROP INDEX {VECTOR_INDEX} IF EXISTS")
        await _make(session, _SPACED_VECTORS if can_space else _PLAIN_VECTORS)
        has_spaces = await _has_spaces(session)
    await _make(session, f"CALL db.awaitIndexes({_WAIT_S})")
    return Features(has_spaces=bool(has_spaces))


async def _has_spaces(session: AsyncSession) -> bool | None:
    """Whether the vector index holds spaces; None when there is no such index."""
    result = await session.run(
        "SHOW INDEXES YIELD name, properties WHERE name = $name RETURN properties", name=VECTOR_INDEX
    )
    record = await result.single()
    return None if record is None else "space" in record["properties"]


async def _server_version(session: AsyncSession) -> tuple[int, ...]:
    result = await session.run(
        "CALL dbms.components() YIELD name, versions WHERE name STARTS WITH 'Neo4j' "
        "RETURN versions[0] AS version"
    )
    record = await result.single()
    parts = str(record["version"]).replace("-", ".").split(".") if record else []
    return tuple(int(part) for part in parts[:2] if part.isdecimal())


async def _make(session: AsyncSession, statement: str) -> None:
    from neo4j.exceptions import ClientError, TransientError  # noqa: PLC0415 - an extra

    async def run(transaction: AsyncManagedTransaction) -> None:
        result = await transaction.run(statement)
        await result.consume()

    for tries_left in reversed(range(_TRIES)):
        try:
            await session.execute_write(run)
        except ClientError as error:
            if not (error.code or "").endswith(_MADE_MEANWHILE):
                raise
        except TransientError:
            # Several starts at once are in each other's way, for longer than the driver tries by itself.
            if not tries_left:
                raise
            continue
        return
