"""`duograph tools list`: the tools that are built in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from serving import exits, terminal
from serving.text import one_line
from toolkit.needs import unavailable
from toolkit.registry import infos

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.protocol import ToolInfo

_COLUMNS = ("category", "tool", "effect", "cost", "platforms", "here")


def list_tools(*, as_json: bool) -> int:
    """Print the tools by category and name, and give the exit code."""
    found = infos()
    if as_json:
        terminal.json_object([_object(info) for info in found])
    elif terminal.is_terminal(sys.stdout):
        _print_table(found)
    else:
        for info in found:
            terminal.line("\t".join(_row(info)))
    return exits.DONE


def _row(info: ToolInfo) -> tuple[str, ...]:
    return (
        info.category,
        info.name,
        info.effect,
        info.cost,
        ",".join(info.platforms) or "all",
        one_line(unavailable(info) or "ready"),
    )


def _object(info: ToolInfo) -> dict[str, Any]:
    return {
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
        "missing": unavailable(info),
    }


def _print_table(found: Sequence[ToolInfo]) -> None:
    from rich.table import Table  # noqa: PLC0415  # a pipe need not wait for rich
    from rich.text import Text  # noqa: PLC0415  # the same

    table = Table(box=None, pad_edge=False)
    for name in _COLUMNS:
        table.add_column(name, overflow="fold", header_style="bold")
    for info in found:
        table.add_row(*map(Text, _row(info)))
    terminal.console(sys.stdout).print(table)
    sys.stdout.flush()
