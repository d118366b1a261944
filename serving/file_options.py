"""Options of turns: the files they take and give, and who agrees to a plan. Imports nothing but click."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from serving.options import named

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., Any]


def files(flag: str, text: str) -> Callable[[Command], Command]:
    """An option that names a file and may be given more than once."""

    def refuse_options(
        _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
    ) -> tuple[str, ...]:
        for value in values:
            if value.startswith("-") and value != "-":
                raise click.BadParameter(f"{value!r} looks like an option: give the name of a file")
        return values

    return click.option(flag, metavar="FILE", multiple=True, help=text, callback=refuse_options)


def result_options(command: Command) -> Command:
    """Where the files of a solution go."""
    command = click.option("--force", is_flag=True, help="Let --out replace files that exist.")(command)
    return named("--out", "DIR", "Write the solution's files into this folder.")(command)


approve_option = click.option(
    "--approve-plan", is_flag=True, help="Ask before code is written: approve, edit or reject the plan."
)
