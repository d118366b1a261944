"""Settings for each user; those that are there become the default user's."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give every row a user. A new table, because SQLite cannot change a primary key."""
    op.create_table(
        "duograph_user_settings_new",
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "name", name="duograph_user_settings_pk2"),
    )
    op.execute(
        "INSERT INTO duograph_user_settings_new (user_id, name, value, updated_at) "
        "SELECT 'default', name, value, updated_at FROM duograph_user_settings"
    )
    op.drop_table("duograph_user_settings")
    op.rename_table("duograph_user_settings_new", "duograph_user_settings")


def downgrade() -> None:
    """Keep the default user's rows; there is no room for those of others."""
    op.create_table(
        "duograph_user_settings_old",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="duograph_user_settings_pk1"),
    )
    op.execute(
        "INSERT INTO duograph_user_settings_old (name, value, updated_at) "
        "SELECT name, value, updated_at FROM duograph_user_settings WHERE user_id = 'default'"
    )
    op.drop_table("duograph_user_settings")
    op.rename_table("duograph_user_settings_old", "duograph_user_settings")
