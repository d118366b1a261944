from pathlib import Path

import pytest

from tests.postgres import PostgresServer


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind, still empty."""
    if request.param == "sqlite":
        return str(tmp_path / "home" / "sessions.sqlite")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()
