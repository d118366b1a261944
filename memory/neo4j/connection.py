"""Transactions on a Neo4j server: made ready at the first use, bounded in time, reported in our own words."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from memory.neo4j.faults import LacksIndexError, closed, explained
from memory.neo4j.own_loop import OwnLoop
from memory.neo4j.schema import prepare
from memory.protocol import MemorySettingsError, MemoryUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from neo4j import AsyncDriver, AsyncManagedTransaction

    from memory.neo4j.address import Address
    from memory.neo4j.schema import Features

T = TypeVar("T")

READ_S: Final = 6.0
"""Seconds that reading may take."""

WRITE_S: Final = 20.0
"""Seconds that writing may take, and as much again for every thousand records."""

REST_S: Final = 5.0
"""Seconds for which a server that did not answer is not asked again, lest every turn waits for it."""

_PREPARE_S: Final = 60.0
_CONNECT_S: Final = 3.0
_RETRY_S: Final = 1.5
_FIRST_PAUSE_S: Final = 0.2
# An idle connection may be one to a server that was started anew meanwhile.
_IDLE_S: Final = 30.0


@dataclass
class _Server:
    """The driver, and what is known of the server; belongs to one event loop."""

    address: Address
    driver: AsyncDriver
    preparing: asyncio.Lock = field(default_factory=asyncio.Lock)
    features: Features | None = None


class Connection:
    """Runs transactions, from any thread and any event loop."""

    def __init__(self, address: Address, *, rest_s: float = REST_S) -> None:
        """Keep the address; nothing is contacted yet.

        Args:
            address: Which server and database.
            rest_s: Seconds for which a server that did not answer is not asked again.
        """
        self.address = address
        self._rest_s = rest_s
        self._server = OwnLoop(lambda: _connect(address), _disconnect)
        self._is_closed = False
        self._silent: tuple[float, MemoryUnavailableError] | None = None

    async def read(
        self, work: Callable[[AsyncManagedTransaction, Features], Awaitable[T]], *, is_check: bool = False
    ) -> T:
        """Run work in a transaction that reads; it may be run again when the connection breaks.

        Args:
            work: What is given the transaction and what the server can do.
            is_check: Whether to ask also a server that did not answer a moment ago.

        Raises:
            MemoryUnavailableError: When the server does not answer in time.
            MemoryStoreError: When it refuses.
        """
        return await self._run(work, is_write=False, within_s=READ_S, is_check=is_check)

    async def write(
        self, work: Callable[[AsyncManagedTransaction, Features], Awaitable[T]], *, records: int = 1
    ) -> T:
        """Run work in a transaction that writes; it may be run again when the connection breaks.

        Args:
            work: What is given the transaction and what the server can do.
            records: How many it is about, for the time it may take.

        Raises:
            MemoryUnavailableError: When the server does not answer in time.
            MemoryStoreError: When it refuses.
        """
        return await self._run(work, is_write=True, within_s=WRITE_S * (1 + records // 1000))

    async def aclose(self) -> None:
        """Close the connections and end what runs on them; a second call does nothing."""
        self._is_closed = True
        await self._server.aclose()

    async def _run(
        self,
        work: Callable[[AsyncManagedTransaction, Features], Awaitable[T]],
        *,
        is_write: bool,
        within_s: float,
        is_check: bool = False,
    ) -> T:
        if self._is_closed:
            raise closed(self.address)
        if self._silent and not is_check and time.monotonic() < self._silent[0]:
            raise MemoryUnavailableError(*self._silent[1].args)
        try:
            given = await self._server.run(
                lambda server: _transact(server, work, is_write=is_write, within_s=within_s)
            )
        except MemoryUnavailableError as error:
            self._silent = (time.monotonic() + self._rest_s, error)
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Nobody cancelled the caller: the loop was closed under the call.
            raise closed(self.address) from None
        self._silent = None
        return given


def _connect(address: Address) -> _Server:
    try:
        import neo4j  # noqa: PLC0415 - an extra
    except ImportError:
        raise MemorySettingsError(
            "Memory in Neo4j needs a package that is missing: run `pip install 'duograph[neo4j]'`."
        ) from None
    # The driver logs each try of its own; whoever has set up no logging shall not read that on the terminal.
    logging.getLogger("neo4j").addHandler(logging.NullHandler())
    with explained(address):
        driver = neo4j.AsyncGraphDatabase.driver(
            address.uri.strip(),
            auth=(address.user, address.password) if address.user else None,
            user_agent="duograph",
            connection_timeout=_CONNECT_S,
            connection_acquisition_timeout=_CONNECT_S + 1,
            liveness_check_timeout=_IDLE_S,
            max_transaction_retry_time=_RETRY_S,
            initial_retry_delay=_FIRST_PAUSE_S,
            notifications_min_severity="OFF",
            telemetry_disabled=True,
        )
    return _Server(address, driver)


async def _disconnect(server: _Server) -> None:
    await server.driver.close()


async def _transact(
    server: _Server,
    work: Callable[[AsyncManagedTransaction, Features], Awaitable[T]],
    *,
    is_write: bool,
    within_s: float,
) -> T:
    with explained(server.address):
        features = await _prepared(server)
        try:
            return await _attempt(server, work, features, is_write=is_write, within_s=within_s)
        except LacksIndexError:
            server.features = None
            raise


async def _attempt(
    server: _Server,
    work: Callable[[AsyncManagedTransaction, Features], Awaitable[T]],
    features: Features,
    *,
    is_write: bool,
    within_s: float,
) -> T:
    from neo4j import unit_of_work  # noqa: PLC0415 - an extra

    # The server ends it then too, so that what a client left holds no lock.
    bounded = unit_of_work(timeout=within_s)(work)
    with explained(server.address):
        async with (
            asyncio.timeout(within_s),
            server.driver.session(database=server.address.database or None) as session,
        ):
            run = session.execute_write if is_write else session.execute_read
            return await run(bounded, features)


async def _prepared(server: _Server) -> Features:
    if server.features is None:
        async with server.preparing:
            if server.features is None:
                options: dict[str, Any] = {"database": server.address.database or None}
                async with asyncio.timeout(_PREPARE_S), server.driver.session(**options) as session:
                    server.features = await prepare(session, server.address.place)
    return server.features
