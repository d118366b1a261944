"""The commands `duograph tools trust|untrust|trusted`. Imports nothing but click, as `commands.py` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from serving.options import json_option

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]

_WHAT = """\b
FILE is an mcp.json as desktop clients have it: {"mcpServers": {NAME: {...}}}. Its servers are programs
that run as you do, or addresses that are asked; nothing of it happens before the file is trusted. Trust
holds for that path and for every byte in the file: after a change it must be given anew.
"""


@click.command(short_help="Trust the MCP servers of a file.", epilog=_WHAT)
@click.argument("file")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def trust(*, file: str, yes: bool, as_json: bool) -> Action:
    """Show what the MCP servers of FILE are, ask, and trust the file as it is now."""

    def action() -> int:
        from serving import tools_trust as body  # noqa: PLC0415  # bodies load when they run

        return body.trust(file, yes=yes, as_json=as_json)

    return action


@click.command(short_help="Take back that a file is trusted.")
@click.argument("file")
@json_option
def untrust(*, file: str, as_json: bool) -> Action:
    """Take back that FILE is trusted, also when it is gone; none of its servers is started any more."""

    def action() -> int:
        from serving import tools_trust as body  # noqa: PLC0415  # bodies load when they run

        return body.untrust(file, as_json=as_json)

    return action


@click.command(short_help="List the files that are trusted.")
@json_option
def trusted(*, as_json: bool) -> Action:
    """List the files that are trusted, and whether they have changed since."""

    def action() -> int:
        from serving import tools_trust as body  # noqa: PLC0415  # bodies load when they run

        return body.list_trusted(as_json=as_json)

    return action
