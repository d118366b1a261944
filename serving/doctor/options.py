"""The command `duograph doctor`. Imports nothing but click, as `commands.py` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from serving.options import Shell, json_option

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]


@click.command(short_help="Check the installation, and say what to do.")
@click.option("--live", is_flag=True, help="Ask every configured model too; that may cost a little.")
@json_option
@click.pass_obj
def doctor(shell: Shell, /, *, live: bool, as_json: bool) -> Action:
    """Check environment, settings, models, sandbox and database, and answer one request from end to end.

    Needs no key and no network: without --live no model is asked, and the last check is answered by the
    embedded offline model. The exit code is 7 when a check failed.
    """

    def action() -> int:
        from serving.doctor.command import examine  # noqa: PLC0415  # bodies load when they run

        return examine(live=live, as_json=as_json, signals=shell.signals)

    return action
