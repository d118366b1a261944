"""`duograph tools list`: the tools that are built in, and those of MCP servers."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from serving import exits, terminal
from serving.text import one_line
from toolkit.needs import unavailable
from toolkit.registry import infos

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graph.settings import Settings
    from toolkit.mcp.spec import ServerSpec
    from toolkit.protocol import ToolInfo

_COLUMNS = ("category", "tool", "effect", "cost", "platforms", "here", "chosen")


@dataclass(frozen=True)
class _Line:
    """A tool, or a server that was not asked, in cells and as JSON."""

    cells: Sequence[str]
    shown: Mapping[str, Any]


def list_tools(*, start: bool, as_json: bool) -> int:
    """Print the tools by category and name, those of MCP servers last, and give the exit code.

    Args:
        start: Whether the servers are started and asked what they offer.
        as_json: Whether to print one JSON object.
    """
    with terminal.starting():
        from graph.settings import Settings  # noqa: PLC0415  # bodies load when they run

        settings = Settings(user_settings=False)
    found = [_line(info, chosen=info.name in settings.tools) for info in infos()]
    found += _of_servers(settings, start=start)
    if as_json:
        terminal.json_object([one.shown for one in found])
    elif terminal.is_terminal(sys.stdout):
        _print_table([one.cells for one in found])
    else:
        for one in found:
            terminal.line("\t".join(one.cells))
    return exits.DONE


def _of_servers(settings: Settings, *, start: bool) -> Sequence[_Line]:
    """What the servers offer, or a line for each where they are not started; what cannot be had is told."""
    if not settings.mcp_servers:
        return []
    from toolkit.mcp.servers import McpServers  # noqa: PLC0415  # few need it
    from toolkit.mcp.trust import McpTrust  # noqa: PLC0415  # the same
    from toolkit.protocol import ToolConfigError  # noqa: PLC0415  # the same

    try:
        servers = McpServers(settings.mcp_servers, McpTrust(settings.home))
    except ToolConfigError as error:
        terminal.notice(f"duograph: {one_line(str(error))}")
        return []
    with servers:
        if not start:
            return [_unasked(spec) for spec in servers.specs]
        offered = servers.tools()
        for note in servers.notes:
            terminal.notice(f"duograph: {one_line(note)}")
    return [_line(tool.info, chosen=True) for tool in offered]


def _unasked(spec: ServerSpec) -> _Line:
    """A server that nobody has asked for its tools."""
    from toolkit.mcp.naming import families_of  # noqa: PLC0415  # few need it

    name = f"{families_of(spec.name)[0]}*"
    shown = {
        "name": name,
        "description": f"The tools of a server that {spec.in_words()}",
        "category": "mcp",
        "missing": None,
        "source": f"MCP server {spec.name} of {spec.file}",
        "chosen": True,
    }
    return _Line(("mcp", name, "?", "cheap", "all", "not started", "chosen"), shown)


def _line(info: ToolInfo, *, chosen: bool) -> _Line:
    missing = unavailable(info)
    cells = (
        info.category,
        info.name,
        info.effect,
        info.cost,
        ",".join(info.platforms) or "all",
        one_line(missing or "ready"),
        "chosen" if chosen else "",
    )
    shown = {
        "name": info.name,
        "description": info.description,
        "category": info.category,
        "effect": info.effect,
        "cost": info.cost,
        "platforms": list(info.platforms),
        "extras": list(info.extras),
        "environment": list(info.environment),
        "services": list(info.services),
        "timeout_s": info.timeout_s,
        "max_chars": info.max_chars,
        "missing": missing,
        "source": info.source,
        "chosen": chosen,
    }
    return _Line(cells, shown)


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table  # noqa: PLC0415  # a pipe need not wait for rich
    from rich.text import Text  # noqa: PLC0415  # the same

    table = Table(box=None, pad_edge=False)
    for name in _COLUMNS:
        table.add_column(name, overflow="fold", header_style="bold")
    for row in rows:
        table.add_row(*map(Text, row))
    terminal.console(sys.stdout).print(table)
    sys.stdout.flush()
