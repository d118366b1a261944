"""What is asked of a server in an open session: to introduce itself, what it offers, and to do something."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from toolkit.mcp.keeper import UNREADABLE
from toolkit.mcp.offers import Announcement, Offers, offers_of
from toolkit.mcp.reasons import EndedError, ForgottenError, Reasons
from toolkit.mcp.results import text_of
from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp import ClientSession, McpError
    from mcp.types import ClientRequest, Result

    from toolkit.mcp.limits import McpLimits
    from toolkit.mcp.spec import ServerSpec

    R = TypeVar("R", bound=Result)

_MAX_PAGES: Final = 50
_TELLING_S: Final = 1.0
_CLOSED: Final = "Connection closed"
_TERMINATED: Final = "Session terminated"


async def open_session(
    session: ClientSession, ending: asyncio.Event, limit_s: float, reasons: Reasons
) -> None:
    """Let both sides introduce themselves.

    Raises:
        TimeoutError: When that takes too long.
        EndedError: When the server ended before.
        ToolError: When it cannot be talked to.
    """
    from mcp import McpError  # noqa: PLC0415 - an extra
    from pydantic import ValidationError  # noqa: PLC0415 - the same

    opening = asyncio.ensure_future(session.initialize())
    gone = asyncio.ensure_future(ending.wait())
    try:
        await asyncio.wait({opening, gone}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            raise EndedError
        if not opening.done():
            raise TimeoutError
        await opening
    except McpError as error:
        _raise(error, reasons)
    except ValidationError:
        raise ToolError(f"The MCP server {reasons.server} introduced itself with what is not MCP.") from None
    except RuntimeError:
        raise ToolError(
            f"The MCP server {reasons.server} speaks a version of MCP that is unknown here."
        ) from None
    finally:
        gone.cancel()
        opening.cancel()
        await asyncio.wait({gone, opening}, timeout=_TELLING_S)


async def list_tools(session: ClientSession, spec: ServerSpec, limits: McpLimits, reasons: Reasons) -> Offers:
    """Ask what it offers, page by page, until there is enough.

    Raises:
        ToolError: When it does not say.
        EndedError: When it ended.
    """
    from mcp import types  # noqa: PLC0415 - an extra

    from toolkit.mcp.loose import LooseTools  # noqa: PLC0415 - needs the extra

    found: list[types.Tool] = []
    broken: list[str] = []
    cursor: str | None = None
    for _ in range(_MAX_PAGES):
        params = types.PaginatedRequestParams(cursor=cursor)
        request = types.ClientRequest(types.ListToolsRequest(params=params))
        # Not `list_tools` of the session, which keeps every schema for ever.
        page = await _answer(session, request, LooseTools, reasons)
        tools, others = page.read()
        found += tools
        broken += others
        cursor = page.nextCursor
        if not cursor or len(found) + len(broken) > limits.max_tools:
            break
    return offers_of(spec, Announcement(found, broken, bool(cursor)), limits, reasons.secrets)


async def ask(session: ClientSession, called: str, arguments: Mapping[str, Any], reasons: Reasons) -> str:
    """Call a tool; when this is cancelled, the server is told so.

    Raises:
        ToolError: When it failed.
        EndedError: When the server ended.
        ForgottenError: When it has forgotten the session.
    """
    from mcp import types  # noqa: PLC0415 - an extra

    from toolkit.mcp.loose import LooseResult  # noqa: PLC0415 - needs the extra

    params = types.CallToolRequestParams(name=called, arguments=dict(arguments))
    request = types.ClientRequest(types.CallToolRequest(params=params))
    # Not `call_tool` of the session, which runs patterns of the server's over the result.
    result = (await _answer(session, request, LooseResult, reasons)).read()
    text = reasons.secrets.hide(text_of(result))
    if result.isError:
        raise ToolError(f"The MCP server {reasons.server} says that this failed: {text}")
    return text


async def _answer(session: ClientSession, request: ClientRequest, kind: type[R], reasons: Reasons) -> R:
    from anyio import BrokenResourceError, ClosedResourceError  # noqa: PLC0415 - heavy
    from mcp import McpError  # noqa: PLC0415 - an extra
    from pydantic import ValidationError  # noqa: PLC0415 - the same

    number = session._request_id  # noqa: SLF001  # the one that comes next; nothing tells it otherwise
    try:
        return await session.send_request(request, kind)
    except asyncio.CancelledError:
        await _tell_of_cancelling(session, number)
        raise
    except (BrokenResourceError, ClosedResourceError):
        raise EndedError from None
    except ValidationError:
        raise ToolError(f"The MCP server {reasons.server} answered with what is not MCP.") from None
    except McpError as error:
        _raise(error, reasons)


async def _tell_of_cancelling(session: ClientSession, number: int) -> None:
    from mcp import types  # noqa: PLC0415 - an extra

    params = types.CancelledNotificationParams(requestId=number, reason="nobody waits for it any more")
    notification = types.ClientNotification(types.CancelledNotification(params=params))
    with suppress(Exception):
        async with asyncio.timeout(_TELLING_S):
            await session.send_notification(notification)


def _raise(error: McpError, reasons: Reasons) -> NoReturn:
    from mcp.types import CONNECTION_CLOSED  # noqa: PLC0415 - an extra

    from toolkit.mcp.http import EXPIRED, UNANSWERED  # noqa: PLC0415 - heavy

    code, message = error.error.code, error.error.message
    if code == CONNECTION_CLOSED and message == _CLOSED:
        raise EndedError from None
    if code == EXPIRED or message == _TERMINATED:
        raise ForgottenError from None
    said = reasons.own_words(message).rstrip(".")
    if code == UNANSWERED:
        raise ToolError(f"The MCP server {reasons.server} {said}.") from None
    if code == UNREADABLE:
        raise ToolError(f"The MCP server {reasons.server} sent {said}: ask for less.") from None
    raise ToolError(f"The MCP server {reasons.server} refused: {said}.") from None
