"""Records, their origins and vectors, and the words that they are found by."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_PLAIN = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ID = sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")
_HOLDS = sa.text("kind = 'fact' AND subject <> '' AND valid_to IS NULL")


def upgrade() -> None:
    """Make the tables."""
    _make_records()
    _make_what_hangs_on_them()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TABLE duograph_memory_words (record BIGINT PRIMARY KEY, main TEXT NOT NULL, "
            "context TEXT NOT NULL, vector TSVECTOR NOT NULL)"
        )
        op.execute("CREATE INDEX duograph_memory_words_vector ON duograph_memory_words USING gin (vector)")
    else:
        op.execute(
            "CREATE VIRTUAL TABLE duograph_memory_words USING fts5 "
            "(main, context, tokenize = \"ascii tokenchars '_+#'\")"
        )


def _make_records() -> None:
    op.create_table(
        "duograph_memory_spaces",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        *(sa.Column(name, _PLAIN, nullable=False) for name in ("namespace", "kind", "archive")),
        sa.UniqueConstraint("namespace", "kind", "archive", name="duograph_memory_spaces_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "duograph_memory_records",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("namespace", _PLAIN, nullable=False),
        sa.Column("space", sa.BigInteger, nullable=False),
        sa.Column("id", _ID, nullable=False),
        *(sa.Column(name, _PLAIN, nullable=False) for name in ("kind", "subject", "archive", "branch")),
        *(sa.Column(name, _PLAIN, nullable=False) for name in ("path", "revision")),
        sa.Column("told_at", sa.BigInteger, nullable=False),
        sa.Column("valid_from", sa.BigInteger, nullable=False),
        sa.Column("valid_to", sa.BigInteger),
        sa.Column("superseded_by", _ID),
        sa.Column("body", sa.Text, nullable=False),
        sa.UniqueConstraint("namespace", "id", name="duograph_memory_records_id"),
        sqlite_autoincrement=True,
    )
    for name, columns in {
        "told": ["namespace", "told_at", "id"],
        "file": ["namespace", "archive", "branch"],
        "subject": ["namespace", "subject"],
    }.items():
        op.create_index(f"duograph_memory_records_{name}", "duograph_memory_records", columns)
    op.create_index(
        "duograph_memory_records_holds",
        "duograph_memory_records",
        ["namespace", "subject"],
        unique=True,
        sqlite_where=_HOLDS,
        postgresql_where=_HOLDS,
    )


def _make_what_hangs_on_them() -> None:
    op.create_table(
        "duograph_memory_origins",
        sa.Column("record", sa.BigInteger, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("session", _PLAIN, nullable=False),
        sa.Column("turn", _PLAIN, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("duograph_memory_origins_session", "duograph_memory_origins", ["session"])
    op.create_table(
        "duograph_memory_vectors",
        sa.Column("stamp", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("namespace", _PLAIN, nullable=False),
        sa.Column("model", _PLAIN, nullable=False),
        sa.Column("record", sa.BigInteger, nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("record", "model", name="duograph_memory_vectors_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("duograph_memory_vectors_new", "duograph_memory_vectors", ["namespace", "model", "stamp"])


def downgrade() -> None:
    """Drop the tables and all that is remembered in them."""
    for name in ("words", "vectors", "origins", "records", "spaces"):
        op.drop_table(f"duograph_memory_{name}")
