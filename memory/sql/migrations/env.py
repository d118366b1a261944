"""What Alembic runs for each migration: on the connection and in the transaction that it is given."""

from alembic import context

from memory.sql.schema import VERSION_TABLE

if __name__ == "env_py":  # Alembic's name for it; a mere import must do nothing
    context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
    context.run_migrations()
