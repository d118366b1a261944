"""An empty memory, as archives are kept in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from memory import Memory
from memory.sql import open_memory


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
async def memory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Memory]:
    if request.param == "sqlite":
        target = str(tmp_path / "home" / "sessions.sqlite")
    else:
        target = request.getfixturevalue("postgres_database")
    opened = open_memory(target)
    yield opened
    await opened.aclose()
