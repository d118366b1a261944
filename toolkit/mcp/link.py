"""One server: started when it is needed, asked, started again when it ends, and at last left alone."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from toolkit.mcp.calls import ask, list_tools, open_session
from toolkit.mcp.connecting import connected
from toolkit.mcp.expanding import expand
from toolkit.mcp.reasons import EndedError, ForgottenError, Reasons
from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from mcp import ClientSession

    from toolkit.mcp.limits import McpLimits
    from toolkit.mcp.offers import Offer, Offers
    from toolkit.mcp.spec import ServerSpec

T = TypeVar("T")

_GRACE_S: Final = 1.0


@dataclass
class _Run:
    """One life of a server.

    Attributes:
        ending: Set when it has ended or shall.
        is_ended_by_us: Whether that was our wish, and so no failure.
        session: Once it is open.
        host: The task that opens it and closes it.
        offers: What it offers, until it says that this has changed.
    """

    ending: asyncio.Event = field(default_factory=asyncio.Event)
    is_ended_by_us: bool = False
    session: ClientSession | None = None
    host: asyncio.Task[None] | None = None
    offers: Offers | None = None


class Link:
    """What belongs to one server; used on one event loop only."""

    def __init__(
        self, spec: ServerSpec, limits: McpLimits, environment: Callable[[], Mapping[str, str]]
    ) -> None:
        self.spec = spec
        self._limits = limits
        self._environment = environment
        self._reasons = Reasons(spec.name, limits)
        self._starting = asyncio.Lock()
        self._listing = asyncio.Lock()
        self._run: _Run | None = None
        self._failures: deque[float] = deque()
        self._is_closed = False

    async def offers(self) -> Offers:
        """Give what it offers now; it is started for that, and asked again when it said that this changed.

        Raises:
            ToolError: When that cannot be had; one sentence.
        """
        try:
            return (await self._listed())[1]
        except ForgottenError:
            raise self._forgotten() from None

    async def call(self, offer: Offer, arguments: Mapping[str, Any]) -> str:
        """Call a tool exactly as it was offered.

        Raises:
            ToolError: When it does not work, or is no longer what was offered.
        """
        for _ in range(2):
            try:
                return await self._call(offer, arguments)
            except ForgottenError:  # it did nothing, so it may be asked again
                continue
        raise self._forgotten()

    async def close(self) -> None:
        """End the session and the process; nothing is started any more."""
        self._is_closed = True
        await self._stop()

    async def _call(self, offer: Offer, arguments: Mapping[str, Any]) -> str:
        run, offers = await self._listed()
        current = offers.by_name.get(offer.info.name)
        if current is None or current.info.fingerprint != offer.info.fingerprint:
            what = "no longer offers" if current is None else "has changed"
            raise ToolError(
                f"The MCP server {self.spec.name} {what} the tool {offer.info.name} since it was "
                "offered here, so it was not called."
            )
        what = f"answer the call of {offer.info.name}"
        return await self._bounded(
            run,
            lambda session: ask(session, offer.called, arguments, self._reasons),
            self._limits.call_s,
            what,
        )

    async def _listed(self) -> tuple[_Run, Offers]:
        async with self._listing:
            run = await self._opened()
            if run.offers is None:
                run.offers = await self._bounded(
                    run,
                    lambda session: list_tools(session, self.spec, self._limits, self._reasons),
                    self._limits.startup_s,
                    "list its tools",
                )
            return run, run.offers

    async def _opened(self) -> _Run:
        async with self._starting:
            if self._run is not None and not self._run.ending.is_set():
                return self._run
            await self._stop()
            await self._may_start()
            return await self._start()

    async def _may_start(self) -> None:
        """Wait before another try; refuse one too many."""
        now = asyncio.get_running_loop().time()
        while self._failures and self._failures[0] <= now - self._limits.rest_s:
            self._failures.popleft()
        if len(self._failures) > self._limits.max_restarts:
            raise ToolError(self._reasons.left_alone(len(self._failures)))
        if self._failures:
            pause = self._limits.backoff_s * 2 ** (len(self._failures) - 1)
            await asyncio.sleep(max(self._failures[-1] + pause - now, 0))
        if self._is_closed:
            raise ToolError("The MCP servers are closed.")

    async def _start(self) -> _Run:
        run = self._run = _Run()
        self._reasons.begin()
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # A context of its own: what belongs to the turn that happens to be first is not the server's.
        run.host = asyncio.create_task(self._hold(run, ready), context=contextvars.Context())
        try:
            await ready
        except asyncio.CancelledError:
            # Whoever asked has given up; the next one begins anew.
            run.is_ended_by_us = True
            run.ending.set()
            run.host.cancel()
            raise
        return run

    async def _hold(self, run: _Run, ready: asyncio.Future[None]) -> None:
        """Open a session, keep it until it shall end, and close it, all in one task as its scopes want it."""
        try:
            server = expand(self.spec, self._environment())
            self._reasons.secrets = server.secrets
            handlers = (self._reasons.on_log(run.ending), _Listener(run, self._reasons))
            async with connected(self.spec.name, server, self._limits, *handlers) as session:
                del server
                await open_session(session, run.ending, self._limits.startup_s, self._reasons)
                run.session = session
                if not ready.done():
                    ready.set_result(None)
                await run.ending.wait()
        except BaseException as error:  # groups, too; whoever waits is told, and nobody else
            self._reasons.note(error)
            if not ready.done():
                ready.set_exception(self._reasons.not_started(error))
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            run.ending.set()
            if not run.is_ended_by_us:
                self._failures.append(asyncio.get_running_loop().time())

    async def _bounded(
        self, run: _Run, work: Callable[[ClientSession], Coroutine[Any, Any, T]], limit_s: float, what: str
    ) -> T:
        """Wait for an answer as long as the session and the time last."""
        assert run.session is not None  # noqa: S101  # it is open
        asking = asyncio.ensure_future(work(run.session))
        gone = asyncio.ensure_future(run.ending.wait())
        try:
            await asyncio.wait({asking, gone}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if gone.done() and not asking.done() and run.host is not None:
                # What it said before may be on its way, as long as the session is not closed.
                await asyncio.wait({asking, run.host}, timeout=_GRACE_S, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            if gone.done():
                raise EndedError  # noqa: TRY301  # one place says what an end means
            raise ToolError(f"The MCP server {self.spec.name} did not {what} within {limit_s:g} s.")
        except EndedError:
            await self._ended(run)
            raise self._reasons.ended(what) from None
        except ForgottenError:
            run.is_ended_by_us = True
            run.ending.set()
            raise
        finally:
            gone.cancel()
            asking.cancel()
            await asyncio.wait({asking, gone}, timeout=_GRACE_S)

    async def _ended(self, run: _Run) -> None:
        """Close what is left, so that all is known of why."""
        run.ending.set()
        if run.host is not None:
            await asyncio.wait({run.host}, timeout=self._limits.close_s)

    async def _stop(self) -> None:
        run, self._run = self._run, None
        if run is None or run.host is None:
            return
        run.is_ended_by_us = run.is_ended_by_us or not run.ending.is_set()
        run.ending.set()
        await asyncio.wait({run.host}, timeout=self._limits.close_s)
        if not run.host.done():
            run.host.cancel()
            await asyncio.wait({run.host}, timeout=_GRACE_S)

    def _forgotten(self) -> ToolError:
        return ToolError(f"The MCP server {self.spec.name} forgets its sessions as soon as they are open.")


class _Listener:
    """Hears what a server says without being asked."""

    def __init__(self, run: _Run, reasons: Reasons) -> None:
        self._run = run
        self._reasons = reasons

    async def __call__(self, message: Any) -> None:  # noqa: ANN401  # of the SDK's
        from mcp.types import ServerNotification, ToolListChangedNotification  # noqa: PLC0415 - an extra

        if isinstance(message, ServerNotification) and isinstance(message.root, ToolListChangedNotification):
            self._run.offers = None
        elif isinstance(message, ValueError):  # nobody knows whose answer it was
            self._reasons.note(ToolError("sent a message that cannot be read"))
            self._run.ending.set()
