"""A Neo4j server that is not there, refuses, or comes back: what is said, and that no password ever is."""

import asyncio
import socket

import pytest

from memory import MemorySettingsError, MemoryStoreError, MemoryUnavailableError
from memory.neo4j import open_memory
from memory.neo4j.address import Address
from memory.neo4j.own_loop import OwnLoop
from memory.records import Query
from tests.memory.making import fact, found
from tests.memory.neo4j.gate import gate
from tests.neo4j import Neo4jServer

_SECRET = "s3cr3t-p%40ss"  # noqa: S105 - the point of the test


def _nobody() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"bolt://127.0.0.1:{probe.getsockname()[1]}"


async def test_no_server_at_all_is_said_in_one_sentence() -> None:
    uri = _nobody()
    memory = open_memory(uri, "neo4j", _SECRET)
    try:
        with pytest.raises(MemoryUnavailableError) as caught:
            await memory.store("anna", [fact("tea")])
        assert str(caught.value).startswith(f"The memory in {uri} cannot be reached (")
        assert "\n" not in str(caught.value)
        assert _SECRET not in str(caught.value) + repr(caught.value)
        assert _SECRET not in repr(memory) + repr(vars(memory))
        status = await memory.status("anna")
        assert (status.backend, status.place, status.is_available) == ("neo4j", uri, False)
        assert "cannot be reached" in status.problem
    finally:
        await memory.aclose()


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("", "names no Neo4j server"),
        ("localhost:7687", "names no Neo4j server"),
        ("http://localhost", "names no Neo4j server"),
        ("bolt://", "names no Neo4j server"),
        ("bolt://host/path", "names no Neo4j server"),
        (f"neo4j://neo4j:{_SECRET}@localhost", "neo4j_password"),
    ],
)
def test_what_is_no_address_is_refused(uri: str, words: str) -> None:
    with pytest.raises(MemoryStoreError, match=words) as caught:
        open_memory(uri)
    assert _SECRET not in str(caught.value)


def test_a_password_needs_a_user_and_is_never_shown() -> None:
    with pytest.raises(MemoryStoreError, match="neo4j_user"):
        open_memory("bolt://localhost", password=_SECRET)
    address = Address("neo4j+s://db.example:7687", "anna", _SECRET, "notes")
    assert _SECRET not in repr(address)
    assert address.place == "neo4j+s://db.example:7687#notes"
    assert address.without_secrets(f"it said {_SECRET} and s3cr3t-p@ss") == "it said *** and ***"


async def test_what_is_made_for_one_loop_serves_all_and_is_made_anew_after_its_end() -> None:
    made: list[list[str]] = []

    def make() -> list[str]:
        made.append([])
        return made[-1]

    async def close(one: list[str]) -> None:
        one.append("closed")

    async def name(one: list[str]) -> str:
        one.append("used")
        return asyncio.current_task().get_loop().__class__.__name__  # type: ignore[union-attr]

    loop = OwnLoop(make, close)
    await loop.run(name)
    await asyncio.to_thread(asyncio.run, loop.run(name))
    assert made == [["used", "used"]]
    await asyncio.to_thread(asyncio.run, loop.aclose())
    await loop.aclose()
    assert made == [["used", "used", "closed"]]
    await loop.run(name)
    assert len(made) == 2
    await loop.aclose()


@pytest.mark.slow
async def test_a_server_that_comes_and_goes(neo4j: Neo4jServer) -> None:
    await asyncio.to_thread(neo4j.empty)
    async with gate(neo4j.port) as door:
        memory = open_memory(door.uri, neo4j.user, neo4j.password, rest_s=0)
        await door.shut()
        assert not (await memory.status("anna")).is_available  # down at the start
        await door.open()
        await memory.store("anna", [fact("tea")])
        assert await found(memory, "tea") == ["tea"]
        await door.shut()
        with pytest.raises(MemoryUnavailableError):
            await memory.search("anna", Query(text="tea"))
        with pytest.raises(MemoryUnavailableError):
            await memory.store("anna", [fact("coffee")])
        await door.open()
        assert await found(memory, "tea coffee") == ["tea"]
        # The connections in the pool are all dead, and nobody is told of it.
        await door.shut()
        await door.open()
        await memory.store("anna", [fact("coffee")])
        assert sorted(await found(memory, "tea coffee")) == ["coffee", "tea"]
        await memory.aclose()


@pytest.mark.slow
async def test_a_server_that_hangs_is_given_up_and_not_asked_again_at_once(neo4j: Neo4jServer) -> None:
    await asyncio.to_thread(neo4j.empty)
    async with gate(neo4j.port) as door:
        memory = open_memory(door.uri, neo4j.user, neo4j.password, rest_s=1000)
        await memory.store("anna", [fact("tea")])
        door.be_silent()
        with pytest.raises(MemoryUnavailableError, match="did not answer in time"):
            await memory.search("anna", Query(text="tea"))
        await door.open()
        # It rests; only `status` asks, and with its answer all is well again.
        with pytest.raises(MemoryUnavailableError, match="did not answer in time"):
            await memory.search("anna", Query(text="tea"))
        assert (await memory.status("anna")).is_available
        assert await found(memory, "tea") == ["tea"]
        door.be_silent()
        await memory.aclose()  # without a goodbye that is heard


@pytest.mark.slow
async def test_wrong_passwords_and_databases_are_mistakes_in_the_settings(neo4j: Neo4jServer) -> None:
    for user, password, database, words in (
        (neo4j.user, _SECRET, "", "refused the user or password: mend neo4j_user and neo4j_password"),
        ("nobody", _SECRET, "", "refused the user or password"),
        ("", "", "", "refused"),
        (
            neo4j.user,
            neo4j.password,
            "nowhere",
            "has no such database: make it there, or mend neo4j_database",
        ),
    ):
        memory = open_memory(neo4j.uri, user, password, database)
        with pytest.raises(MemorySettingsError, match=words) as caught:
            await memory.store("anna", [fact("tea")])
        assert _SECRET not in str(caught.value)
        assert neo4j.password not in str(caught.value)
        status = await memory.status("anna")
        assert not status.is_available
        assert status.problem == str(caught.value)
        await memory.aclose()


@pytest.mark.slow
async def test_closing_ends_what_runs(neo4j: Neo4jServer) -> None:
    async with gate(neo4j.port) as door:
        memory = open_memory(door.uri, neo4j.user, neo4j.password)
        await memory.status("anna")
        door.be_silent()
        searching = asyncio.create_task(memory.search("anna", Query(text="tea")))
        await asyncio.sleep(0.1)
        await memory.aclose()
        with pytest.raises(MemoryStoreError, match="closed"):
            await searching
