"""`duograph mcp`: serve until the client leaves or a signal comes."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from serving import exits, terminal
from serving.faults import InputError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from graph.agent import Agent
    from serving.mcp.desk import Desk
    from serving.mcp.http import Door
    from serving.options import Shell
    from serving.signals import Signals

    Serves = Callable[[Desk, asyncio.Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where to serve over HTTP.

    Attributes:
        host: The address.
        port: The port; 0 takes a free one.
        token_env: The variable that holds the token which clients must send; None where none is asked for.
        names: Names beside its own that clients reach it by.
    """

    host: str
    port: int
    token_env: str | None = None
    names: tuple[str, ...] = ()


def serve(place: Place | None, given: Mapping[str, str], *, turns: int, shell: Shell) -> int:
    """Serve, and give the exit code.

    Args:
        place: Where, over HTTP; None for standard streams.
        given: The settings of the command line.
        turns: How many turns run at once.
        shell: How this process is stopped, and its version.

    Raises:
        InputError: When the extra is missing, or the place cannot be.
        SettingsError: When a setting is wrong.
        ModelConfigError: When a chain names something that does not exist.
        DatabaseError: When the session store cannot be opened.
    """
    if find_spec("mcp") is None:
        raise InputError("duograph mcp needs the extra mcp; run: pip install 'duograph[mcp]'")
    version = shell.version or _installed()
    if place is None:
        return _serve_streams(given, turns, version, shell.signals)
    from serving.mcp.http import open_door  # noqa: PLC0415  # uvicorn, after the cheap checks

    door = open_door(place.host, place.port, token=_token(place.token_env), names=place.names)
    return _serve_door(door, given, turns, version, shell.signals)


def _serve_streams(given: Mapping[str, str], turns: int, version: str, signals: Signals) -> int:
    if sys.stdin.isatty():
        terminal.notice(
            "duograph: this speaks MCP on standard input, and is started by an MCP client; see --http"
        )
    from serving.mcp.stdio import serve_stdio, take_streams  # noqa: PLC0415  # see `serve`

    streams = take_streams()  # before anything else can print

    async def work(desk: Desk, stop: asyncio.Event) -> None:
        from serving.mcp.server import make_server  # noqa: PLC0415  # the graph is imported by now

        await serve_stdio(make_server(desk, version), streams, stop)

    return _run(work, given, turns, signals)


def _serve_door(door: Door, given: Mapping[str, str], turns: int, version: str, signals: Signals) -> int:
    async def work(desk: Desk, stop: asyncio.Event) -> None:
        from serving.mcp.http import serve_http  # noqa: PLC0415  # see `serve`
        from serving.mcp.server import make_server  # noqa: PLC0415  # the graph is imported by now

        terminal.notice(f"duograph: MCP at {door.url}{' with a token' if door.token else ''}; Ctrl-C ends it")
        await serve_http(make_server(desk, version), door, stop)

    return _run(work, given, turns, signals)


def _run(work: Serves, given: Mapping[str, str], turns: int, signals: Signals) -> int:
    """Open the agent, serve, and close it; a signal is the usual way to end a server."""
    with terminal.starting():
        from serving.mcp.desk import Desk  # noqa: PLC0415  # seconds of imports, after the cheap checks
        from serving.turn import open_agent  # noqa: PLC0415  # the same

    agent = open_agent(given)
    if agent.settings.plan_approval:
        terminal.notice(
            "duograph: plans are approved where a client can ask (elicitation), else turns go on without them"
        )

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        with signals.handled_by(lambda: loop.call_soon_threadsafe(stop.set)):
            try:
                await work(Desk(agent, turns=turns), stop)
            finally:
                await _close(agent)

    asyncio.run(main())
    return exits.DONE


async def _close(agent: Agent) -> None:
    """Close at once: clients wait two seconds, and what is to be learned lies in a queue on disk."""
    if agent.background is not None:
        await asyncio.to_thread(agent.background.close, 0)
    with suppress(asyncio.CancelledError):
        await agent.aclose()


def _token(name: str | None) -> str:
    """The token in a variable.

    Raises:
        InputError: When there is none that protects.
    """
    if name is None:
        return ""
    from serving.mcp.http import MIN_TOKEN_CHARS  # noqa: PLC0415  # see `serve`

    token = os.environ.get(name, "").strip()
    if len(token) < MIN_TOKEN_CHARS or not token.isascii():
        raise InputError(
            f"--token-env {name}: set it to a token of {MIN_TOKEN_CHARS} or more ASCII characters."
        )
    return token


def _installed() -> str:
    from importlib.metadata import version  # noqa: PLC0415  # slow, and mostly known

    return version("duograph")
