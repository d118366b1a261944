import pytest


@pytest.fixture
def target(postgres_database: str) -> str:
    """The address of a database that is still empty."""
    return postgres_database
