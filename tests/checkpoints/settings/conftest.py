from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind, still empty."""
    if request.param == "sqlite":
        return str(tmp_path / "home" / "sessions.sqlite")
    address: str = request.getfixturevalue("postgres_database")
    return address
