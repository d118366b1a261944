"""The commands `duograph tools …`. Imports nothing but click, as `commands.py` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from serving.options import json_option
from serving.tools_trust_command import trust, trusted, untrust

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]


@click.group()
def tools() -> None:
    """Tools that the reasoning model may call."""


@tools.command("list", short_help="List the tools, and which are chosen.")
@click.option(
    "--start", is_flag=True, help="Start the MCP servers that the settings name, and list their tools."
)
@json_option
def list_tools(*, start: bool, as_json: bool) -> Action:
    """List the tools: what each can do, its cost, what it lacks here, and whether the settings choose it.

    Of MCP servers that the settings name, each is a line `SERVER__*`: nothing of them is started, unless
    --start is given.
    """

    def action() -> int:
        from serving.tools import list_tools as body  # noqa: PLC0415  # bodies load when they run

        return body(start=start, as_json=as_json)

    return action


tools.add_command(trust)
tools.add_command(untrust)
tools.add_command(trusted)
