"""Memory in SQLite or PostgreSQL: the protocol, each call in a thread of its own and in one transaction."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from memory.protocol import MemoryStoreError
from memory.records import Counts, MemoryStatus
from memory.sql import reading, refiling
from memory.sql.database import Database
from memory.sql.schema import BUSY_TIMEOUT_S
from memory.sql.searching import search
from memory.sql.vectors import VectorSearch
from memory.sql.words import Fts5Words, TsvectorWords
from memory.sql.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from memory.records import Hit, Item, Query, Record, Selection
    from memory.sql.words import Words

T = TypeVar("T")


def open_memory(target: str | Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> SqlMemory:
    """Give the memory in a database; nothing is opened or made before the first call.

    Args:
        target: Path of an SQLite file, `:memory:`, or a `postgresql://` address.
        busy_timeout_s: Seconds to wait for another process's lock, or for a server.

    Raises:
        MemoryStoreError: When `target` cannot hold memory.
    """
    return SqlMemory(Database(target, busy_timeout_s=busy_timeout_s))


class SqlMemory:
    """The `Memory` behind `open_memory`; its methods raise and return what the protocol says."""

    def __init__(self, database: Database) -> None:
        """Use a database."""
        self._database = database
        self._words: Words = TsvectorWords() if database.backend == "postgresql" else Fts5Words()
        self._near = VectorSearch()

    async def store(self, namespace: str, records: Sequence[Record]) -> Sequence[str]:
        """Keep records; see `Memory`."""
        return await self._write(namespace, lambda writer: writer.store(records)) if records else []

    async def replace(self, namespace: str, selection: Selection, records: Sequence[Record]) -> Sequence[str]:
        """Forget and keep; see `Memory`."""
        _refuse_everything(selection)

        def change(writer: Writer) -> list[str]:
            writer.forget(selection)
            return writer.store(records)

        return await self._write(namespace, change)

    async def search(self, namespace: str, query: Query) -> Sequence[Hit]:
        """Find; see `Memory`."""

        def find(connection: Connection) -> Sequence[Hit] | None:
            if not refiling.is_done(connection, self._database.place):
                return None
            return search(connection, self._words, self._near, namespace, query)

        nothing: Sequence[Hit] | None = []
        while (found := await self._read(find, nothing)) is None:
            await asyncio.to_thread(self._refile)
        return found

    async def list(
        self, namespace: str, selection: Selection, *, limit: int = 100, after: str = ""
    ) -> Sequence[Item]:
        """Give a page; see `Memory`."""
        return await self._read(lambda on: reading.page(on, namespace, selection, limit, after), [])

    async def forget(self, namespace: str, selection: Selection) -> int:
        """Delete; see `Memory`."""
        _refuse_everything(selection)
        is_there = await self._read(lambda _: True, nothing=False)
        return await self._write(namespace, lambda writer: writer.forget(selection)) if is_there else 0

    async def restore(self, namespace: str, items: Sequence[Item]) -> int:
        """Keep what another memory gave; see `Memory`."""
        return await self._write(namespace, lambda writer: writer.restore(items)) if items else 0

    async def without_vector(self, namespace: str, model: str, *, limit: int = 100) -> Sequence[Item]:
        """Give records without a vector; see `Memory`."""
        return await self._read(lambda on: reading.without_vector(on, namespace, model, limit), [])

    async def set_vectors(self, namespace: str, model: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep vectors; see `Memory`."""
        if vectors:
            await self._write(namespace, lambda writer: writer.set_vectors(model, vectors))

    async def revisions(self, namespace: str, archive: str) -> Mapping[str, str]:
        """The files of an archive; see `Memory`."""
        return await self._read(lambda on: reading.revisions(on, namespace, archive), {})

    async def archives(self, namespace: str) -> Mapping[str, int]:
        """The archives; see `Memory`."""
        return await self._read(lambda on: reading.archives(on, namespace), {})

    async def status(self, namespace: str) -> MemoryStatus:
        """Say how it is; see `Memory`."""
        backend, place = self._database.backend, self._database.place
        try:
            counts = await self._read(lambda on: reading.counts(on, namespace), Counts())
        except MemoryStoreError as error:
            return MemoryStatus(backend=backend, place=place, is_available=False, problem=str(error))
        return MemoryStatus(backend=backend, place=place, is_available=True, counts=counts)

    async def aclose(self) -> None:
        """Close what is open; see `Memory`."""
        await asyncio.to_thread(self._database.close)

    async def _read(self, read: Callable[[Connection], T], nothing: T) -> T:
        """Read in one moment; give `nothing` where nothing was ever kept."""

        def run() -> T:
            with self._database.reading() as connection:
                return nothing if connection is None else read(connection)

        return await asyncio.to_thread(run)

    async def _write(self, namespace: str, write: Callable[[Writer], T]) -> T:
        def run() -> T:
            with self._database.writing(namespace) as connection:
                refiling.begin(connection, self._database.place)
                return write(Writer(connection, self._words, namespace))

        return await asyncio.to_thread(run)

    def _refile(self) -> None:
        """File everything anew by the rules of this program."""
        more = True
        while more:
            with self._database.writing() as connection:
                refiling.begin(connection, self._database.place)
                more = refiling.refile(connection, self._words)


def _refuse_everything(selection: Selection) -> None:
    if selection.is_everything:
        raise ValueError("The selection is everything: say which records are meant.")
