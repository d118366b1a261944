"""Why a server does not work, in one sentence: what its keeper told, what went wrong here, no secret."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from toolkit.mcp.keeper import LOGGER
from toolkit.mcp.plain import plain
from toolkit.mcp.secrets import Secrets
from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from toolkit.mcp.limits import McpLimits

_MAX_WORDS: Final = 200


class EndedError(Exception):
    """The session has ended while something was asked."""


class ForgottenError(Exception):
    """The server has forgotten the session, and did nothing."""


class Reasons:
    """What is known of why a server ended or did not start."""

    def __init__(self, server: str, limits: McpLimits) -> None:
        self.server = server
        self.secrets = Secrets(())
        self._limits = limits
        self._why = ""
        self._prints = False

    def begin(self) -> None:
        """Forget what was; it is started anew."""
        self._why, self._prints = "", False

    def on_log(self, ending: asyncio.Event) -> Callable[[Any], Awaitable[None]]:
        """Give what listens to a server's log: only the keeper's own words matter."""

        async def listen(params: Any) -> None:  # noqa: ANN401  # of the SDK's
            if params.logger != LOGGER or not isinstance(params.data, dict):
                return
            told = params.data
            if "garbage" in told:
                self._prints = True
                return
            self._why = self._told(told)
            ending.set()

        return listen

    def _told(self, told: dict[str, Any]) -> str:
        if "unstartable" in told:
            return f"its command cannot be run ({self.own_words(told['unstartable'])})"
        if "too_much" in told:
            return f"it sent more than {self._limits.max_flood_bytes} bytes without being asked"
        code = told.get("code")
        how = f"by signal {-code}" if isinstance(code, int) and code < 0 else f"with code {code}"
        lines = str(told.get("tail") or "").strip().splitlines()
        said = f'; its last words: "{self.own_words(lines[-1])}"' if lines else ""
        return f"it ended {how}{said}"

    def note(self, error: BaseException) -> None:
        """Keep what broke a session, unless more is known."""
        cause = _cause_of(error)
        if self._why or isinstance(cause, asyncio.CancelledError | EndedError):
            return
        self._why = f"its session broke ({type(cause).__name__})"
        if isinstance(cause, ToolError | TimeoutError):
            sentence = str(self.not_started(cause)).rstrip(".")
            self._why = f"it {sentence.removeprefix(f'The MCP server {self.server} ')}"

    def not_started(self, error: BaseException) -> ToolError:
        """Give the error for a server that could not be opened."""
        error = _cause_of(error)
        if isinstance(error, ToolError):
            return error
        if isinstance(error, TimeoutError):
            prints = ", and prints on standard output what is not MCP" if self._prints else ""
            limit = f"{self._limits.startup_s:g}"
            return ToolError(
                f"The MCP server {self.server} did not introduce itself within {limit} s{prints}."
            )
        return ToolError(f"The MCP server {self.server} cannot be used: {self._reason}.")

    def ended(self, what: str) -> ToolError:
        """Give the error for a server that ended when it should have done something."""
        unknown = " whether the call took effect is unknown" if "call" in what else " nothing came of it"
        return ToolError(f"The MCP server {self.server} ended and did not {what}: {self._reason};{unknown}.")

    def left_alone(self, times: int) -> str:
        """Say that it is not started again for now."""
        return (
            f"The MCP server {self.server} failed {times} times within {self._limits.rest_s:g} s and is left "
            f"alone for now: {self._reason}."
        )

    @property
    def _reason(self) -> str:
        return self._why or "it closed the connection"

    def own_words(self, text: object) -> str:
        """What the server says, short, on one line, without the secrets it was given."""
        return plain(self.secrets.hide_all(str(text)[: 20 * _MAX_WORDS]), _MAX_WORDS)


def _cause_of(error: BaseException) -> BaseException:
    """What is inside of groups of groups, which scopes make of whatever happens in them."""
    while isinstance(error, BaseExceptionGroup):
        ours = [one for one in error.exceptions if not isinstance(one, asyncio.CancelledError)]
        error = (ours or error.exceptions)[0]
    return error
