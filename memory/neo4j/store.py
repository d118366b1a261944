"""Memory in a Neo4j server: the protocol, each call in one transaction."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, TypeVar

from memory import words as rulebook
from memory.neo4j.address import Address
from memory.neo4j.connection import REST_S, Connection
from memory.neo4j.reading import Reader
from memory.neo4j.refiling import is_done, refile
from memory.neo4j.writing import Writer
from memory.protocol import MemoryStoreError
from memory.records import MemoryStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from neo4j import AsyncManagedTransaction

    from memory.neo4j.schema import Features
    from memory.records import Hit, Item, Query, Record, Selection

T = TypeVar("T")


def open_memory(
    uri: str, user: str = "", password: str = "", database: str = "", *, rest_s: float = REST_S
) -> Neo4jMemory:
    """Give the memory on a server; nothing is contacted before the first call.

    Args:
        uri: Such as `neo4j://localhost:7687`, without user and password.
        user: Empty for a server that asks for none.
        password: Of the user.
        database: Empty for the user's own.
        rest_s: Seconds for which a server that did not answer is not asked again; `status` always asks.

    Raises:
        MemoryStoreError: When that cannot be the address of a server.
    """
    return Neo4jMemory(Connection(Address(uri, user, password, database), rest_s=rest_s))


class Neo4jMemory:
    """The `Memory` behind `open_memory`; its methods raise and return what the protocol says."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._place = connection.address.place
        self._filed = 0

    async def store(self, namespace: str, records: Sequence[Record]) -> Sequence[str]:
        """Keep records; see `Memory`."""
        if not records:
            return []
        return await self._write(namespace, lambda writer: writer.store(records), len(records))

    async def replace(self, namespace: str, selection: Selection, records: Sequence[Record]) -> Sequence[str]:
        """Forget and keep; see `Memory`."""
        _refuse_everything(selection)

        async def change(writer: Writer) -> list[str]:
            await writer.forget(selection)
            return await writer.store(records)

        return await self._write(namespace, change, len(records))

    async def search(self, namespace: str, query: Query) -> Sequence[Hit]:
        """Find; see `Memory`."""
        if self._filed != rulebook.RULES:
            await self._refile()
        return await self._read(namespace, lambda reader: reader.search(query))

    async def list(
        self, namespace: str, selection: Selection, *, limit: int = 100, after: str = ""
    ) -> Sequence[Item]:
        """Give a page; see `Memory`."""
        return await self._read(namespace, lambda reader: reader.page(selection, limit, after))

    async def forget(self, namespace: str, selection: Selection) -> int:
        """Delete; see `Memory`."""
        _refuse_everything(selection)
        return await self._write(namespace, lambda writer: writer.forget(selection))

    async def restore(self, namespace: str, items: Sequence[Item]) -> int:
        """Keep what another memory gave; see `Memory`."""
        if not items:
            return 0
        return await self._write(namespace, lambda writer: writer.restore(items), len(items))

    async def without_vector(self, namespace: str, model: str, *, limit: int = 100) -> Sequence[Item]:
        """Give records without a vector; see `Memory`."""
        return await self._read(namespace, lambda reader: reader.without_vector(model, limit))

    async def set_vectors(self, namespace: str, model: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep vectors; see `Memory`."""
        if vectors:
            await self._write(namespace, lambda writer: writer.set_vectors(model, vectors), len(vectors))

    async def revisions(self, namespace: str, archive: str) -> Mapping[str, str]:
        """The files of an archive; see `Memory`."""
        return await self._read(namespace, lambda reader: reader.revisions(archive))

    async def archives(self, namespace: str) -> Mapping[str, int]:
        """The archives; see `Memory`."""
        return await self._read(namespace, lambda reader: reader.archives())

    async def status(self, namespace: str) -> MemoryStatus:
        """Say how it is; see `Memory`."""
        try:
            counts = await self._read(namespace, lambda reader: reader.counts(), is_check=True)
        except MemoryStoreError as error:
            return MemoryStatus(backend="neo4j", place=self._place, is_available=False, problem=str(error))
        return MemoryStatus(backend="neo4j", place=self._place, is_available=True, counts=counts)

    async def aclose(self) -> None:
        """Close what is open; see `Memory`."""
        await self._connection.aclose()

    async def _read(
        self, namespace: str, read: Callable[[Reader], Awaitable[T]], *, is_check: bool = False
    ) -> T:
        async def run(transaction: AsyncManagedTransaction, features: Features) -> T:
            return await read(Reader(transaction, features, namespace, self._place))

        return await self._connection.read(run, is_check=is_check)

    async def _refile(self) -> None:
        """File everything anew, where words are not filed by the rules of this program."""

        async def look(transaction: AsyncManagedTransaction, _features: Features) -> bool:
            return await is_done(transaction, self._place)

        async def change(transaction: AsyncManagedTransaction, _features: Features) -> bool:
            return await refile(transaction, self._place)

        if not await self._connection.read(look):
            while await self._connection.write(change):
                pass
        self._filed = rulebook.RULES

    async def _write(self, namespace: str, write: Callable[[Writer], Awaitable[T]], records: int = 1) -> T:
        async def run(transaction: AsyncManagedTransaction, _features: Features) -> T:
            writer = Writer(transaction, namespace, self._place)
            await writer.lock(uuid.uuid4().hex)
            return await write(writer)

        return await self._connection.write(run, records=records)


def _refuse_everything(selection: Selection) -> None:
    if selection.is_everything:
        raise ValueError("The selection is everything: say which records are meant.")
