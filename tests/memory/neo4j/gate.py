"""A door before a server: open, shut, or open with nobody behind it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Gate:
    """Passes connections on to a port, on a port of its own that stays the same."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._behind = port
        self._server: asyncio.Server | None = None
        self._passing = asyncio.Event()
        self._passing.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._visits: set[asyncio.Task[None]] = set()

    @property
    def uri(self) -> str:
        return f"bolt://127.0.0.1:{self.port}"

    async def open(self) -> None:
        """Let everybody in."""
        self._passing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._visit, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def be_silent(self) -> None:
        """Let everybody in, and nothing through."""
        self._passing.clear()

    async def shut(self) -> None:
        """Throw everybody out, and refuse who comes."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in self._open:
            writer.transport.abort()
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = asyncio.current_task()
        assert visit is not None
        self._visits.add(visit)
        behind: asyncio.StreamWriter | None = None
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                answers, behind = await asyncio.open_connection("127.0.0.1", self._behind)
                self._open |= {writer, behind}
                await asyncio.gather(self._pass(reader, behind), self._pass(answers, writer))
        finally:
            self._visits.discard(visit)
            for end in filter(None, (writer, behind)):
                self._open.discard(end)
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._passing.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def gate(port: int) -> AsyncIterator[Gate]:
    """An open one, shut at the end."""
    one = Gate(port)
    await one.open()
    try:
        yield one
    finally:
        one._passing.set()  # noqa: SLF001 - ours
        await one.shut()
