"""The command `duograph resume`. Imports nothing but click, as `commands.py` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from serving.file_options import result_options
from serving.options import Shell, chosen, json_option, named, setting_options

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]


@click.command(short_help="Go on with a turn that was cut off or waits.")
@click.argument("thread")
@click.option("--approve", is_flag=True, help="Let the code be written by the plan, or the calls be made.")
@click.option("--always", is_flag=True, help="Let the calls be made, and do not ask again in this session.")
@named("--edit", "FILE", "Let it be written by the plan in FILE, its acceptance tests included; - for input.")
@click.option("--reject", is_flag=True, help="Write no code, and the turn ends; or make no call.")
@named("--reason", "TEXT", "Why it is rejected.")
@json_option
@result_options
@setting_options
@click.pass_obj
def resume(  # noqa: PLR0913  # click passes every option as an argument
    shell: Shell,
    /,
    *,
    thread: str,
    approve: bool,
    always: bool,
    edit: str | None,
    reject: bool,
    reason: str | None,
    as_json: bool,
    out: str | None,
    force: bool,
    **settings: str | None,
) -> Action:
    """Go on with the last turn of the session THREAD: it was cut off, or it waits for you.

    THREAD is the session's id, or its first characters, 4 or more. What was cut off, by a crash for example,
    goes on after its last finished step. A plan that waits, or calls that may change something, are shown
    when none of --approve, --always, --edit and --reject is given, and on a terminal you are asked.
    """
    if (approve, always, edit is not None, reject).count(True) > 1:
        raise click.UsageError("give one of --approve, --always, --edit FILE and --reject")
    if reason is not None and not reject:
        raise click.UsageError("--reason goes with --reject")

    def action() -> int:
        from serving import resume as body  # noqa: PLC0415  # bodies load when they run

        choice = body.Choice(
            thread, approve=approve, edit=edit, reject=reject, reason=reason or "", always=always
        )
        target = body.Target(out, force=force, as_json=as_json)
        return body.resume(choice, target, settings=chosen(settings), signals=shell.signals)

    return action
