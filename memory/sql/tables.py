"""The tables as SQLAlchemy knows them, at the newest revision; apart from the words', which differ.

Moments are microseconds since 1970 in UTC: exact, and the same in every database.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from memory.sql.schema import ORIGINS, RECORDS, RULES, SPACES, VECTORS

METADATA: Final = MetaData()

# SQLite gives numbers of itself to a column of exactly this type alone.
_Number = BigInteger().with_variant(Integer, "sqlite")
# Compared sign by sign, whatever language the server speaks.
_Plain = Text().with_variant(Text(collation="C"), "postgresql")
_Id = String(32).with_variant(String(32, collation="C"), "postgresql")

spaces: Final = Table(
    SPACES,
    METADATA,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("namespace", _Plain, nullable=False),
    Column("kind", _Plain, nullable=False),
    Column("archive", _Plain, nullable=False),
    UniqueConstraint("namespace", "kind", "archive", name="duograph_memory_spaces_key"),
    sqlite_autoincrement=True,
)
"""One for each kind of records of a namespace, and for each archive: each is searched for itself."""

records: Final = Table(
    RECORDS,
    METADATA,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("namespace", _Plain, nullable=False),
    Column("space", BigInteger, nullable=False),
    Column("id", _Id, nullable=False),
    Column("kind", _Plain, nullable=False),
    Column("subject", _Plain, nullable=False),
    Column("archive", _Plain, nullable=False),
    # The beginning of the path: an index of PostgreSQL has no room for long ones.
    Column("branch", _Plain, nullable=False),
    Column("path", _Plain, nullable=False),
    Column("revision", _Plain, nullable=False),
    Column("told_at", BigInteger, nullable=False),
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_to", BigInteger),
    Column("superseded_by", _Id),
    Column("body", Text, nullable=False),
    UniqueConstraint("namespace", "id", name="duograph_memory_records_id"),
    Index("duograph_memory_records_told", "namespace", "told_at", "id"),
    Index("duograph_memory_records_file", "namespace", "archive", "branch"),
    Index("duograph_memory_records_subject", "namespace", "subject"),
    # Whatever we do, two facts on one subject never hold at once.
    Index(
        "duograph_memory_records_holds",
        "namespace",
        "subject",
        unique=True,
        sqlite_where=text("kind = 'fact' AND subject <> '' AND valid_to IS NULL"),
        postgresql_where=text("kind = 'fact' AND subject <> '' AND valid_to IS NULL"),
    ),
    sqlite_autoincrement=True,
)

origins: Final = Table(
    ORIGINS,
    METADATA,
    Column("record", BigInteger, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("session", _Plain, nullable=False),
    Column("turn", _Plain, nullable=False),
    Column("body", Text, nullable=False),
    Index("duograph_memory_origins_session", "session"),
)

vectors: Final = Table(
    VECTORS,
    METADATA,
    # Grows with every vector that is kept, so that what is new is found without looking at the rest.
    Column("stamp", _Number, primary_key=True, autoincrement=True),
    Column("namespace", _Plain, nullable=False),
    Column("model", _Plain, nullable=False),
    Column("record", BigInteger, nullable=False),
    Column("length", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("record", "model", name="duograph_memory_vectors_key"),
    Index("duograph_memory_vectors_new", "namespace", "model", "stamp"),
    sqlite_autoincrement=True,
)

rules: Final = Table(
    RULES,
    METADATA,
    # The rules that words are filed by, in the one row that there is.
    Column("version", Integer, nullable=False),
    # The number of the last record that was filed anew by them; none when all are.
    Column("filed", BigInteger),
)
