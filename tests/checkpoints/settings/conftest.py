from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import PostgresServer, binaries, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    where = binaries()
    if where is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running(where) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind, still empty."""
    if request.param == "sqlite":
        return str(tmp_path / "home" / "sessions.sqlite")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()
