"""The tools of MCP servers that the settings name, as a turn gets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from graph.config_file import SettingsError
from nodes.toolbox import ANY, Offer
from toolkit.protocol import ToolConfigError, ToolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graph.settings import Settings
    from toolkit.mcp.servers import McpServers

_SHARE: Final = 0.25
"""How much of what is left of a turn its servers may take to start: the rest is for the answer."""


class ServerTools:
    """What MCP servers offer: asked at the start of each turn that may use it, started at the first."""

    def __init__(self, servers: McpServers) -> None:
        """Keep the servers; nothing is started yet.

        Args:
            servers: Of files that the user trusts.
        """
        self._servers = servers
        self._last: Offer | None = None

    @property
    def names(self) -> list[str]:
        """`SERVER__*` for each server."""
        from toolkit.mcp.naming import families_of  # noqa: PLC0415  # few need it

        found = [f"{head}{ANY}" for spec in self._servers.specs for head in families_of(spec.name)]
        return list(dict.fromkeys(found))

    @property
    def longest_s(self) -> float:
        """Seconds after which a call is given up, in which a server that ended is started again."""
        limits = self._servers.limits
        return limits.call_s + limits.startup_s if self._servers.specs else 0.0

    def are_chosen(self, names: Sequence[str] | None) -> bool:
        """Whether a run may use any of them."""
        heads = tuple(name[: -len(ANY)] for name in self.names)
        return bool(heads) and (names is None or any(name.startswith(heads) for name in names))

    async def offer(self, seconds: float, *, anew: bool) -> Offer:
        """Give what they offer; each that is not ready in time is named in the notes.

        Args:
            seconds: What is left of the turn.
            anew: Whether they are asked again; in the middle of a turn what they said last will do, and
                whoever changed a tool since refuses the call.
        """
        if self._last is not None and not anew:
            return self._last
        try:
            tools = await self._servers.atools(min(self._servers.limits.startup_s, seconds * _SHARE))
        except ToolError as error:
            return Offer(notes=[str(error)])
        left_out = self._servers.left_out
        notes = [note for note in self._servers.notes if note not in left_out]
        self._last = Offer({tool.name: tool for tool in tools}, notes, left_out)
        return self._last

    def close(self) -> None:
        """End all of them; see `McpServers.close`."""
        self._servers.close()


def open_servers(settings: Settings) -> ServerTools | None:
    """Read the files that the settings name; nothing of them is started yet.

    Returns:
        None where none is named.

    Raises:
        SettingsError: When one cannot be read, is wrong, or is not trusted as it is.
    """
    if not settings.mcp_servers:
        return None
    from toolkit.mcp.servers import McpServers  # noqa: PLC0415  # few need it
    from toolkit.mcp.trust import McpTrust  # noqa: PLC0415  # the same

    try:
        return ServerTools(McpServers(settings.mcp_servers, McpTrust(settings.home)))
    except ToolConfigError as error:
        raise SettingsError(f"The setting mcp_servers cannot be used: {error}") from None
