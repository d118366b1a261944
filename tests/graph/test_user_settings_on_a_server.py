"""The settings of users on PostgreSQL, as everyone who reads settings sees them."""

from collections.abc import Iterator

import pytest

from checkpoints import DatabaseError
from checkpoints.settings import SqlUserSettings
from graph.precedence import origins
from graph.settings import Settings
from graph.user_settings import UserSettings, open_user_settings
from tests.postgres import binaries, running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    where = binaries()
    if where is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running(where) as server:
        yield server.new_database()


def test_they_are_kept_there_and_heeded(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOGRAPH_DATABASE", address)
    assert Settings().max_repairs == 2
    with open_user_settings() as users:
        users.create("anna", UserSettings(max_repairs=4, archives=["work"]))
        users.update("default", max_repairs=1)
        users.update("anna", prefer="local")
    assert (Settings().max_repairs, Settings(user="anna").max_repairs) == (1, 4)
    assert Settings(user="anna").archives == ["work"]
    found = {origin.name: origin.source for origin in origins(Settings(user="anna"))}
    assert (found["prefer"], found["database"]) == ("user settings", "environment")


def test_an_older_revision_is_brought_up_by_reading(address: str) -> None:
    with open_user_settings(Settings(database=address, user_settings=False)) as users:
        users.update("default", max_repairs=1)
    SqlUserSettings(address).migrate("0001")
    assert Settings(database=address).max_repairs == 1


def test_a_server_that_refuses_is_a_sentence(address: str) -> None:
    with pytest.raises(DatabaseError, match=r"cannot be reached.*no_such_database") as error:
        Settings(database=address.replace("@/", "@/no_such_database_"))
    assert "\n" not in str(error.value)
