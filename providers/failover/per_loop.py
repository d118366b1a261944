"""Keeps chat models apart by event loop: an async HTTP client belongs to the loop that used it first."""

from __future__ import annotations

import asyncio
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from providers.backend import Backend

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from providers.backend import ModelSpec, Timeouts

# A loop whose thread waits for this very closing cannot answer; it closes as soon as it runs again.
_CLOSE_TIMEOUT_S = 0.5
WINDOW_TIMEOUT_S = 2.0
"""Seconds a server has to say how large its context window is."""
# A local server may load the model anew with another window.
_WINDOW_VALID_S = 300.0


class Closable(Protocol):
    """Whatever has connections of a loop."""

    @property
    def aclose(self) -> Callable[[], Awaitable[None]] | None:
        """Lets go of them."""
        ...


B = TypeVar("B", bound=Closable)


@dataclass(slots=True, weakref_slot=True)
class _Shelf(Generic[B]):
    """The backends of one loop."""

    backends: dict[tuple[ModelSpec, Timeouts], B] = field(default_factory=dict)
    # Each context window with the loop's time at which it was asked for.
    windows: dict[ModelSpec, tuple[float, int | None]] = field(default_factory=dict)
    building: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def close(self) -> None:
        backends, self.backends, self.windows = list(self.backends.values()), {}, {}
        for backend in backends:
            if backend.aclose is not None:
                await backend.aclose()


class PerLoop(Generic[B]):
    """Builds each backend once per running event loop, off the loop."""

    def __init__(self, build: Callable[[ModelSpec, Timeouts], B]) -> None:
        """Keep the builder; nothing is built yet.

        Args:
            build: Makes a backend; it runs in a thread, so it may read files and import packages.
        """
        self._build = build
        self._shelves: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Shelf[B]] = (
            weakref.WeakKeyDictionary()
        )
        self._guard = threading.Lock()

    async def get(self, spec: ModelSpec, timeouts: Timeouts) -> B:
        """Return this loop's backend for the spec, whose client keeps to the timeouts."""
        shelf, wanted = self._shelf(asyncio.get_running_loop()), (spec, timeouts)
        if (known := shelf.backends.get(wanted)) is not None:
            return known
        async with shelf.building:
            if wanted not in shelf.backends:
                shelf.backends[wanted] = await asyncio.to_thread(self._build, spec, timeouts)
            return shelf.backends[wanted]

    async def aclose(self) -> None:
        """Close the backends of this loop and of every other loop that still runs."""
        with self._guard:
            shelves = list(self._shelves.items())
            self._shelves.clear()
        here = asyncio.get_running_loop()
        for loop, shelf in shelves:
            if loop is here:
                await shelf.close()
            elif loop.is_running():
                closing = asyncio.run_coroutine_threadsafe(shelf.close(), loop)
                # The other loop may stop at this very moment and never answer.
                await asyncio.wait([asyncio.wrap_future(closing)], timeout=_CLOSE_TIMEOUT_S)

    def _shelf(self, loop: asyncio.AbstractEventLoop) -> _Shelf[B]:
        with self._guard:
            for known in list(self._shelves):
                # A client holds its loop, so a closed one would never become garbage by itself.
                if known.is_closed():
                    del self._shelves[known]
            return self._shelves.setdefault(loop, _Shelf())


class BackendsPerLoop(PerLoop[Backend]):
    """The chat models of each event loop, and the context windows that their servers tell."""

    async def window(self, spec: ModelSpec, timeouts: Timeouts) -> int | None:
        """Return the context window in force, as the backend's server says; asked again after a while.

        Returns:
            Tokens; None when the server does not say, or not in time.
        """
        ask = (await self.get(spec, timeouts)).context_tokens
        if ask is None:
            return None
        loop = asyncio.get_running_loop()
        windows = self._shelf(loop).windows
        asked_at, window = windows.get(spec, (-_WINDOW_VALID_S, None))
        if spec not in windows or loop.time() - asked_at >= _WINDOW_VALID_S:
            try:
                async with asyncio.timeout(WINDOW_TIMEOUT_S):
                    window = await ask()
            except Exception:  # noqa: BLE001 - an unknown window is no failure: the request itself will tell
                window = None
            windows[spec] = (loop.time(), window)
        return window
