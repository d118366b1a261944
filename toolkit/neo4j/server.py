"""One look into a Neo4j server: a transaction that may only read, is bounded, and is undone at its end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from toolkit.neo4j.faults import explained
from toolkit.neo4j.place import SCHEMES, URI, Server
from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from neo4j import AsyncTransaction

_CONNECT_S: Final = 5.0
_FETCH_ROWS: Final = 50


@asynccontextmanager
async def look(server: Server, within_s: float) -> AsyncIterator[AsyncTransaction]:
    """Open a transaction that the server refuses to write in; it ends in time, and is undone in any case.

    A connection of its own, because each call of a tool has an event loop of its own.

    Raises:
        ToolError: For all that the server and its driver report.
    """
    import neo4j  # noqa: PLC0415 - an extra

    # The driver logs what it raises too; whoever has set up no logging shall not read that on the terminal.
    logging.getLogger("neo4j").addHandler(logging.NullHandler())
    if server.uri.partition("://")[0] not in SCHEMES:
        raise ToolError(f"{URI} is no address of Neo4j: write it as neo4j+s://HOST or bolt://HOST:7687.")
    meter = _Meter(server.max_bytes)
    try:
        async with (
            asyncio.timeout(within_s),
            neo4j.AsyncGraphDatabase.driver(
                server.uri,
                auth=(server.user, server.password) if server.user else None,
                user_agent="duograph",
                connection_timeout=_CONNECT_S,
                connection_acquisition_timeout=_CONNECT_S + 1,
                max_transaction_retry_time=0,
                max_connection_pool_size=2,
                notifications_min_severity="OFF",
                telemetry_disabled=True,
            ) as driver,
            driver.session(
                database=server.database or None,
                default_access_mode=neo4j.READ_ACCESS,
                fetch_size=_FETCH_ROWS,
            ) as session,
            # Leaving the block undoes it, whatever happened: nothing of it is ever committed. The server
            # ends it in time too, so that nothing runs on there when the client has gone.
            await session.begin_transaction(timeout=within_s) as transaction,
        ):
            meter.watch(transaction)
            yield transaction
            await transaction.rollback()
    except (neo4j.exceptions.Neo4jError, neo4j.exceptions.DriverError, OSError, ValueError) as error:
        if meter.is_full:
            raise ToolError(
                f"The result is larger than {server.max_bytes // 2**20} MiB: return fewer columns or "
                "rows, or shorten lists and texts in the query, such as list[..20]."
            ) from None
        raise explained(error, server, within_s) from None


class _Meter:
    """Counts what a connection receives: the driver would keep any record whole, however large."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._socket: Any = None

    @property
    def is_full(self) -> bool:
        return self._left < 0

    def watch(self, transaction: AsyncTransaction) -> None:
        # The driver has no such limit of its own, and no hook for one; a test tells when these names change.
        inbox = getattr(getattr(transaction, "_connection", None), "inbox", None)
        if inbox is not None and hasattr(inbox, "_socket"):
            self._socket, inbox._socket = inbox._socket, self  # noqa: SLF001

    async def recv_into(self, buffer: memoryview, nbytes: int) -> int:
        received: int = await self._socket.recv_into(buffer, nbytes)
        self._left -= received
        if self.is_full:
            raise OSError("too large")
        return received

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the driver's socket has
        return getattr(self._socket, name)
