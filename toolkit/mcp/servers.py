"""All servers of the files that the user trusts, as one object: tools, notes, and an end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Self, TypeVar

from toolkit.mcp.limits import McpLimits
from toolkit.mcp.link import Link
from toolkit.mcp.own_loop import OwnLoop
from toolkit.mcp.schemas import RawArguments, arguments_of
from toolkit.needs import unavailable
from toolkit.protocol import AnyTool, Tool, ToolConfigError, ToolError, ToolInfo

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.mcp.offers import Offer, Offers
    from toolkit.mcp.trust import McpTrust

T = TypeVar("T")

_CLOSED = "The MCP servers are closed."
_NEEDS = ToolInfo(
    name="mcp", description="Tools on servers.", category="mcp", effect="write", extras=("mcp",)
)


class McpServers:
    """MCP servers, each started when its tools are first asked for, and kept until `close`.

    Sessions live on an event loop in a daemon thread of this object's own, so tools may be called from any
    thread and any loop, many at once. Nothing is started, and nobody is asked, before `tools`.

    Attributes:
        specs: The servers, as their files describe them.
        limits: How much each may take.
    """

    def __init__(
        self,
        files: Sequence[Path],
        trust: McpTrust,
        *,
        limits: McpLimits | None = None,
        environment: Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        """Read the files.

        Args:
            files: Each an `mcp.json`.
            trust: What the user trusts.
            limits: How much a server may take.
            environment: Gives the variables for `${NAME}` when a server is started; those of this process
                when left out.

        Raises:
            UntrustedError: When a file is not trusted, or has changed since.
            ToolConfigError: When a file cannot be read or is wrong, two name the same server, or the extra
                `mcp` is missing.
        """
        if reason := unavailable(_NEEDS):
            raise ToolConfigError(reason)
        read = [trust.read(path) for path in files]
        specs = [spec for file in read for spec in file.servers]
        names = [spec.name for spec in specs]
        for spec in specs:
            if names.count(spec.name) > 1:
                raise ToolConfigError(f"Two files name the MCP server {spec.name!r}: call one differently.")
        self.specs = tuple(specs)
        self.limits = limits or McpLimits()
        self._of_files = tuple(note for file in read for note in file.notes)
        self._notes = self._left_out = self._of_files
        self._environment = environment or (lambda: os.environ)
        self._loop = OwnLoop()
        self._links: Sequence[Link] | None = None
        self._asking: dict[Link, asyncio.Task[Offers]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def notes(self) -> Sequence[str]:
        """A sentence on each server that could not be asked, and each thing left out, by the last `tools`."""
        return self._notes

    @property
    def left_out(self) -> Sequence[str]:
        """Those of `notes` that will be the same the next time: what cannot be read, or offered."""
        return self._left_out

    def tools(self) -> Sequence[AnyTool]:
        """Give the tools that all servers offer now; see `atools`. Blocks: no call for an event loop."""
        try:
            return self._loop.submit(self._offered).result()
        except CancelledError:
            raise ToolError(_CLOSED) from None

    async def atools(self, within_s: float | None = None) -> Sequence[AnyTool]:
        """Give the tools that all servers offer now; those not yet running are started, all at once.

        A server that cannot be started has no tools, and a sentence in `notes`. A tool stays what it was:
        when its server changes it, calls of this one fail, and the next `atools` gives another, with another
        `info.fingerprint`.

        Args:
            within_s: Seconds to wait at most. A server that needs longer has no tools this time and a
                sentence in `notes`, goes on starting, and may be there the next time.

        Raises:
            ToolError: When this object is closed, or belongs to a parent process.
        """
        if within_s is None:
            return await self._done(self._offered)
        return await self._done(lambda: self._offered_within(within_s))

    def close(self) -> None:
        """End all sessions and processes and wait for it, `McpLimits.close_s` at most; safe to repeat."""
        self._loop.close(self._closed, self.limits.close_s)

    async def _done(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        doing = self._loop.submit(work)
        try:
            return await asyncio.wrap_future(doing)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if doing.cancelled() and (task is None or not task.cancelling()):  # `close` did it
                raise ToolError(_CLOSED) from None
            raise

    async def _offered(self) -> Sequence[AnyTool]:
        asked = await asyncio.gather(*(link.offers() for link in self._opened()), return_exceptions=True)
        return self._found(asked)

    async def _offered_within(self, within_s: float) -> Sequence[AnyTool]:
        for link in self._opened():
            if link not in self._asking or self._asking[link].done():
                self._asking[link] = asyncio.create_task(link.offers())
                self._asking[link].add_done_callback(_heard)  # perhaps nobody waits for it any more
        asking = [self._asking[link] for link in self._opened()]
        if asking:
            # What is late goes on: nobody is helped by a server that begins anew each time.
            await asyncio.wait(asking, timeout=within_s)
        return self._found([_outcome(one, within_s) for one in asking])

    def _found(self, asked: Sequence[Offers | BaseException]) -> Sequence[AnyTool]:
        found: list[AnyTool] = []
        notes, left_out = list(self._of_files), list(self._of_files)
        for link, answer in zip(self._opened(), asked, strict=True):
            if isinstance(answer, TimeoutError):
                notes.append(f"The MCP server {link.spec.name} {answer}, so its tools are not offered yet.")
            elif isinstance(answer, ToolError):
                notes.append(str(answer))
            elif isinstance(answer, BaseException):
                notes.append(f"The MCP server {link.spec.name} cannot be used ({type(answer).__name__}).")
            else:
                notes += answer.notes
                left_out += answer.notes
                found += [self._tool(link, offer) for offer in answer.by_name.values()]
        self._notes, self._left_out = tuple(notes), tuple(left_out)
        return found

    def _opened(self) -> Sequence[Link]:
        if self._links is None:
            self._links = [Link(spec, self.limits, self._environment) for spec in self.specs]
        return self._links

    async def _closed(self) -> None:
        await asyncio.gather(*(link.close() for link in self._links or ()), return_exceptions=True)

    def _tool(self, link: Link, offer: Offer) -> AnyTool:
        async def call(arguments: RawArguments) -> str:
            def work() -> Coroutine[Any, Any, str]:
                return link.call(offer, arguments.root)

            return await self._done(work)

        return Tool(offer.info, arguments_of(offer.schema), call)


def _heard(asked: asyncio.Task[Offers]) -> None:
    if not asked.cancelled():
        asked.exception()


def _outcome(asked: asyncio.Task[Offers], within_s: float) -> Offers | BaseException:
    if not asked.done():
        return TimeoutError(f"was not ready within {within_s:.3g} s")
    if asked.cancelled():
        return asyncio.CancelledError()
    return asked.exception() or asked.result()
