import pytest

from tests.memory.archives.dict_memory import DictMemory


@pytest.fixture
def memory() -> DictMemory:
    return DictMemory()
