"""The version of the rules that words are filed by, so that a later one files them anew."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; what is filed so far is by the first rules."""
    op.create_table(
        "duograph_memory_rules",
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("filed", sa.BigInteger),
    )
    op.execute("INSERT INTO duograph_memory_rules (version) VALUES (1)")


def downgrade() -> None:
    """Drop the table; what is filed stays."""
    op.drop_table("duograph_memory_rules")
