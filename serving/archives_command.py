"""The commands `duograph memory ingest|archives`. Imports nothing but click, as `commands.py` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from serving.options import Real, Shell, json_option, named, user_option

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]


@click.command(short_help="Keep a folder's text as an archive.")
@click.argument("path")
@named("--archive", "NAME", "What to call it; like its folder when left out.")
@user_option
@click.option(
    "--max-file-mb",
    metavar="N",
    type=Real(min=0, max=1000, min_open=True),
    default=5.0,
    show_default=True,
    help="Leave out files of more than N megabytes.",
)
@click.option("--replace", is_flag=True, help="Make an archive anew that was made from another folder.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
@click.pass_obj
def ingest(  # noqa: PLR0913  # click passes every option as an argument
    shell: Shell,
    /,
    *,
    path: str,
    archive: str | None,
    user: str | None,
    max_file_mb: float,
    replace: bool,
    dry_run: bool,
    as_json: bool,
) -> Action:
    """Keep the text of PATH, a folder or a file, so that turns recall from it and cite it.

    Text, Markdown, code, notebooks and PDF are read (PDF with the extra pdf). What git ignores, what is
    hidden, links, binary and huge files are left out. Run it again when files have changed: only those are
    written, and what is gone is forgotten. After Ctrl-C it goes on where it stopped.
    """

    def action() -> int:
        from serving.terminal import starting  # noqa: PLC0415  # bodies load when they run

        with starting():
            from serving import archives as body  # noqa: PLC0415  # the same

        wanted = body.Wanted(path, archive=archive, user=user, max_file_mb=max_file_mb)
        return body.ingest(wanted, shell.signals, replace=replace, dry_run=dry_run, as_json=as_json)

    return action


@click.command(short_help="List the archives.")
@user_option
@json_option
@click.pass_obj
def archives(shell: Shell, /, *, user: str | None, as_json: bool) -> Action:
    """List the archives, and how many chunks each has."""

    def action() -> int:
        from serving.terminal import starting  # noqa: PLC0415  # bodies load when they run

        with starting():
            from serving import archives as body  # noqa: PLC0415  # the same

        return body.list_archives(shell.signals, user=user, as_json=as_json)

    return action
