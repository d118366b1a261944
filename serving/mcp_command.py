"""The command `duograph mcp`. Imports nothing but click, as `commands.py` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from serving.options import Shell, Whole, chosen, named, setting_options

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]

HOST = "127.0.0.1"
PORT = 8765
TURNS = 4


@click.command(short_help="Offer the agent to any MCP client.")
@click.option("--http", is_flag=True, help="Serve over HTTP, for several clients; else standard streams.")
@named("--host", "ADDRESS", f"With --http: the address to listen at; by default {HOST}.")
@click.option(
    "--port",
    metavar="N",
    type=Whole(0, 65535),
    help=f"With --http: the port; by default {PORT}, and 0 takes a free one.",
)
@named("--token-env", "NAME", "With --http: the variable that holds the token which clients must send.")
@click.option(
    "--allow-host", metavar="NAME", multiple=True, help="With --http: a name that clients reach it by."
)
@click.option(
    "--turns",
    metavar="N",
    type=Whole(1, 64),
    default=TURNS,
    show_default=True,
    help="Run at most N turns at once; the others wait.",
)
@setting_options
@click.pass_obj
def mcp(  # noqa: PLR0913  # click passes every option as an argument
    shell: Shell,
    /,
    *,
    http: bool,
    host: str | None,
    port: int | None,
    token_env: str | None,
    allow_host: tuple[str, ...],
    turns: int,
    **settings: str | None,
) -> Action:
    """Offer ask, verify, memory_search and sessions to any MCP client, until it leaves or Ctrl-C.

    The limits in force are the most that a client can ask for.
    """
    alone = {"--host": host, "--port": port, "--token-env": token_env, "--allow-host": allow_host or None}
    given = [flag for flag, value in alone.items() if value is not None]
    if given and not http:
        raise click.UsageError(f"{given[0]} goes with --http")

    def action() -> int:
        from serving.mcp import command as body  # noqa: PLC0415  # bodies load when they run

        place = (
            body.Place(host or HOST, PORT if port is None else port, token_env, allow_host) if http else None
        )
        return body.serve(place, chosen(settings), turns=turns, shell=shell)

    return action
