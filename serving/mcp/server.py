"""The MCP server: what clients may ask of the protocol, over whatever streams."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

from mcp import types
from mcp.server.lowlevel import Server
from pydantic import ValidationError

from serving import terminal
from serving.faults import ROOMS
from serving.mcp import answers
from serving.mcp.asking import person_at
from serving.mcp.attending import attend
from serving.mcp.offers import INSTRUCTIONS, OFFERS, described

if TYPE_CHECKING:
    from serving.mcp.asking import Person
    from serving.mcp.attending import Send
    from serving.mcp.desk import Desk

_WRONG_SHOWN = 3


def make_server(desk: Desk, version: str) -> Server[Any, Any]:
    """Make a server, which may serve several clients at once.

    Args:
        desk: Does the work.
        version: What clients are told.
    """
    server: Server[Any, Any] = Server("duograph", version, INSTRUCTIONS)
    tools = described(desk)

    async def list_tools(_request: types.ListToolsRequest) -> types.ServerResult:
        return types.ServerResult(types.ListToolsResult(tools=tools))

    async def call_tool(request: types.CallToolRequest) -> types.ServerResult:
        name, arguments = request.params.name, request.params.arguments or {}
        return types.ServerResult(await _call(desk, name, arguments, _sender(server), _person(server)))

    server.request_handlers[types.ListToolsRequest] = list_tools
    server.request_handlers[types.CallToolRequest] = call_tool
    return server


async def _call(
    desk: Desk, name: str, arguments: dict[str, Any], send: Send | None, person: Person | None = None
) -> types.CallToolResult:
    """Call a tool; whatever goes wrong is a sentence in the result."""
    offer = OFFERS.get(name)
    if offer is None:
        return answers.error(f"There is no tool {name[:64]!r}: choose one of {', '.join(OFFERS)}.")
    try:
        checked = offer.arguments.model_validate(arguments)
    except ValidationError as error:
        return answers.error(f"Wrong arguments for {name}: {_wrong(error)}")
    try:
        return await attend(lambda tell: offer.work(desk, checked, tell, person), send)
    except Exception as error:  # noqa: BLE001  # the other calls go on
        return answers.error(_sentence(error))


def _sender(server: Server[Any, Any]) -> Send | None:
    """What tells the client of the request at hand about its progress; None when it wants no news."""
    context = server.request_context
    token = context.meta.progressToken if context.meta else None
    if token is None:
        return None
    session, request = context.session, str(context.request_id)

    async def send(number: int, text: str) -> None:
        # Without the request's name HTTP would not know on which of its streams to send it.
        await session.send_progress_notification(token, number, message=text, related_request_id=request)

    return send


def _person(server: Server[Any, Any]) -> Person | None:
    """What asks the person at the client of the request at hand; None when it cannot."""
    context = server.request_context
    return person_at(context.session, context.request_id)


def _wrong(error: ValidationError) -> str:
    """Say what is wrong with arguments, in one sentence."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    said = [
        f"{'.'.join(str(part) for part in one['loc']) or 'all'}: {one['msg']}" for one in found[:_WRONG_SHOWN]
    ]
    more = len(found) - len(said)
    return "; ".join(said) + (f"; and {more} more" if more else "") + "."


def _sentence(error: Exception) -> str:
    """What a client is told of an error; of a bug only its name, because messages hold secrets."""
    kind = type(error)
    if kind.__module__.partition(".")[0] in ROOMS:
        return str(error)
    if os.environ.get("DUOGRAPH_DEBUG", "0") not in {"", "0"}:
        traceback.print_exception(error, file=sys.stderr)
    terminal.notice(f"duograph: unexpected {kind.__name__}: {error}")
    return f"Duograph met an unexpected {kind.__name__}: the standard error of its server says more."
