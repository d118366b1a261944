from collections.abc import Iterator

import pytest

from tests.postgres import PostgresServer, binaries, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    where = binaries()
    if where is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running(where) as server:
        yield server


@pytest.fixture
def target(postgres: PostgresServer) -> str:
    """The address of a database that is still empty."""
    return postgres.new_database()
