import pytest

from tests.postgres import PostgresServer


@pytest.fixture
def target(postgres: PostgresServer) -> str:
    """The address of a database that is still empty."""
    return postgres.new_database()
