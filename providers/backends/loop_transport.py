"""Lets a client that blocks, such as botocore's, send its requests over the event loop of who is waiting.

The blocking client runs in a thread of its own. Its bytes travel in a task of the event loop, so cancelling
the caller closes the connection at once: a thread that waits for a socket could not be told to stop.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    import httpx

Piece = TypeVar("Piece")


class StoppedError(Exception):
    """The caller does not wait any more."""


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of an HTTP response."""

    status: int
    headers: dict[str, str]


@dataclass(slots=True)
class _Exchange:
    """One request and its answer: a task of the loop fills `parts`, a thread takes them out."""

    loop: asyncio.AbstractEventLoop
    parts: queue.SimpleQueue[Head | bytes | BaseException | None] = field(default_factory=queue.SimpleQueue)
    task: asyncio.Task[None] | None = None
    stopped: bool = False

    def take(self) -> Head | bytes | None:
        """Wait for the next part; None is the end.

        Raises:
            BaseException: What broke the exchange.
        """
        part = self.parts.get()
        if isinstance(part, BaseException):
            raise part
        return part


class LoopTransport:
    """Carries the requests of blocking work that was started with `pieces`."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """Keep the client that sends; whoever made it closes it."""
        self._client = client
        self._here = threading.local()

    async def pieces(self, work: Callable[[], Iterable[Piece]]) -> AsyncIterator[Piece]:
        """Run blocking work in a thread and give what it yields.

        Args:
            work: Is called in the thread; requests that it makes with `send` belong to this call.

        Yields:
            The pieces in order.

        Raises:
            BaseException: What the work raised.
        """
        exchange = _Exchange(asyncio.get_running_loop())
        done: asyncio.Queue[tuple[Piece] | BaseException | None] = asyncio.Queue()

        def hand(item: tuple[Piece] | BaseException | None) -> None:
            try:
                exchange.loop.call_soon_threadsafe(done.put_nowait, item)
            except RuntimeError:  # the loop is closed, nobody waits
                exchange.stopped = True

        def pump() -> None:
            self._here.exchange = exchange
            try:
                for piece in work():
                    hand((piece,))
                    if exchange.stopped:
                        return
                hand(None)
            except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
                hand(error)

        # In the caller's context, which says what logs must not hold.
        run = partial(contextvars.copy_context().run, pump)
        threading.Thread(target=run, name="duograph-blocking-client", daemon=True).start()
        try:
            while (item := await done.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item[0]
        finally:
            await _stop(exchange)

    def send(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[Head, Iterator[bytes]] | None:
        """Send a request from inside the work, and wait for the head of its answer.

        Returns:
            The head and the body's pieces, or None when this thread is not one of `pieces`.

        Raises:
            StoppedError: When the caller does not wait any more.
        """
        exchange: _Exchange | None = getattr(self._here, "exchange", None)
        if exchange is None:
            return None
        request = self._client.build_request(method, url, headers=headers, content=body)

        def start() -> None:
            if exchange.stopped:
                exchange.parts.put(StoppedError())
            else:
                exchange.task = exchange.loop.create_task(self._carry(request, exchange))

        exchange.loop.call_soon_threadsafe(start)
        head = exchange.take()
        if not isinstance(head, Head):
            raise StoppedError
        return head, _body(exchange)

    async def _carry(self, request: httpx.Request, exchange: _Exchange) -> None:
        try:
            response = await self._client.send(request, stream=True)
            try:
                exchange.parts.put(Head(response.status_code, dict(response.headers)))
                async for data in response.aiter_raw():
                    exchange.parts.put(data)
            finally:
                await response.aclose()
            exchange.parts.put(None)
        except asyncio.CancelledError:
            exchange.parts.put(StoppedError())
            raise
        except Exception as error:  # noqa: BLE001 - it is raised again in the thread that waits
            exchange.parts.put(error)


def _body(exchange: _Exchange) -> Iterator[bytes]:
    while (part := exchange.take()) is not None:
        if isinstance(part, bytes):
            yield part


async def _stop(exchange: _Exchange) -> None:
    """End the task, which closes the connection, and the thread, which waits for nothing else."""
    exchange.stopped = True
    exchange.parts.put(StoppedError())
    if exchange.task is not None and not exchange.task.done():
        exchange.task.cancel()
        await asyncio.wait([exchange.task])


class RawBody:
    """The body of a response in the form that botocore reads."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        """Keep the pieces; they are read as they come."""
        self._parts = parts

    def stream(self, amt: int | None = None, *, decode_content: bool | None = None) -> Iterator[bytes]:
        """Give the pieces as they come, whatever their size."""
        del amt, decode_content
        return self._parts

    def read(self, *_args: Any) -> bytes:  # noqa: ANN401 - whatever urllib3 takes
        """Give the whole rest."""
        return b"".join(self._parts)

    def close(self) -> None:
        """Nothing to let go of: the connection ends with the call."""
