"""The commands `duograph memory …`. Imports nothing but click, as `commands.py` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from serving.archives_command import archives, ingest
from serving.options import Real, Shell, Whole, json_option, named, user_option

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]

KINDS = ("fact", "insight", "pattern", "episode", "chunk")
"""As `memory.records.Kind`; a test compares them."""

_kinds = click.option(
    "--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only this kind; may be repeated."
)
_limit = click.option(
    "--limit", metavar="N", type=Whole(1, 100_000), default=50, show_default=True, help="At most N."
)


def _selecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which records are meant."""
    for option in (
        named("--archive", "NAME", "Only chunks of this archive."),
        named("--session", "THREAD", "Only what was told or seen in this session."),
        named("--older-than", "AGE", "Only what was first told before that: 30d, 12h, 6w."),
        named("--subject", "TEXT", "Only facts on this subject, such as «my birthday»."),
        _kinds,
    ):
        command = option(command)
    return command


def _loaded(name: str) -> Any:  # noqa: ANN401  # a module
    """A command's body, loaded when it runs."""
    from importlib import import_module  # noqa: PLC0415  # bodies load when they run

    from serving.terminal import starting  # noqa: PLC0415  # the same

    with starting():
        return import_module(f"serving.{name}")


@click.group()
def memory() -> None:
    """What outlives a session: facts, insights, archives.

    ID is a record's id, or the first 8 characters of it.
    """


memory.add_command(ingest)
memory.add_command(archives)


@memory.command("add")
@click.argument("text")
@named("--subject", "TEXT", "What it is about; it takes the place of an older fact on that.")
@user_option
@json_option
@click.pass_obj
def add(shell: Shell, /, *, text: str, subject: str | None, user: str | None, as_json: bool) -> Action:
    """Remember TEXT as a fact; - reads standard input."""
    return lambda: _loaded("memory_changes").add(text, subject, user, shell.signals, as_json=as_json)


@memory.command("search")
@click.argument("text")
@_kinds
@click.option("--archive", "archives", metavar="NAME", multiple=True, help="Only chunks of this archive.")
@click.option(
    "--min-score",
    type=Real(0, 1),
    help="The least score; as configured else.",
)
@_limit
@user_option
@json_option
@click.pass_obj
def search(  # noqa: PLR0913  # click passes every option as an argument
    shell: Shell,
    /,
    *,
    text: str,
    kinds: tuple[str, ...],
    archives: tuple[str, ...],
    min_score: float | None,
    limit: int,
    user: str | None,
    as_json: bool,
) -> Action:
    """Find what fits TEXT, best first."""

    def action() -> int:
        body = _loaded("memory")
        wanted = body.Search(text, kinds, archives, min_score, limit)
        return int(body.search(wanted, user, shell.signals, as_json=as_json))

    return action


@memory.command("list")
@_selecting
@click.option("--all", "everything", is_flag=True, help="Facts that were replaced too.")
@_limit
@user_option
@json_option
@click.pass_obj
def list_records(
    shell: Shell,
    /,
    *,
    everything: bool,
    limit: int,
    user: str | None,
    as_json: bool,
    **given: Any,  # noqa: ANN401
) -> Action:
    """List what is remembered, oldest first."""

    def action() -> int:
        body = _loaded("memory")
        chosen = _loaded("memory_opening").selection(**given, is_current=None if everything else True)
        return int(body.list_records(chosen, limit, user, shell.signals, as_json=as_json))

    return action


@memory.command("forget", short_help="Forget for good what fits all that is given.")
@click.argument("ids", metavar="[ID...]", nargs=-1)
@_selecting
@click.option("--all", "everything", is_flag=True, help="All that is remembered.")
@click.option("--dry-run", is_flag=True, help="Say what would be forgotten, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@user_option
@json_option
@click.pass_obj
def forget(  # noqa: PLR0913  # click passes every option as an argument
    shell: Shell,
    /,
    *,
    ids: tuple[str, ...],
    everything: bool,
    dry_run: bool,
    yes: bool,
    user: str | None,
    as_json: bool,
    **given: Any,  # noqa: ANN401  # as click gives them
) -> Action:
    """Forget for good what fits all that is given: IDs, a subject, an age, a session, a kind, an archive.

    What was said in a session stands in its conversation until `duograph sessions delete`.
    """
    if everything == bool(ids or any(given.values())):
        raise click.UsageError("give IDs or options that say what to forget, or --all")

    def action() -> int:
        chosen = _loaded("memory_opening").selection(**given, ids=ids, everything=everything)
        body = _loaded("memory_changes")
        wanted = body.Forgetting(chosen, is_sure=yes, dry_run=dry_run)
        return int(body.forget(wanted, user, shell.signals, as_json=as_json))

    return action


@memory.command("why", short_help="Show where ID comes from.")
@click.argument("record", metavar="ID")
@user_option
@json_option
@click.pass_obj
def why(shell: Shell, /, *, record: str, user: str | None, as_json: bool) -> Action:
    """Show where ID comes from: who said it, in which session, when it held."""
    return lambda: _loaded("memory").why(record, user, shell.signals, as_json=as_json)


@memory.command("export", short_help="Write all that is remembered as JSON lines.")
@named("--out", "FILE", "Write it there; to standard output when left out.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@user_option
@click.pass_obj
def export(shell: Shell, /, *, out: str | None, force: bool, user: str | None) -> Action:
    """Write all that is remembered as JSON lines, to keep or to import elsewhere."""
    if force and out is None:
        raise click.UsageError("--force goes with --out FILE")
    return lambda: _loaded("memory_changes").export(out, user, shell.signals, force=force)


@memory.command("import", short_help="Keep what is in FILE, which `export` wrote.")
@click.argument("file")
@click.option(
    "--unchecked", is_flag=True, help="Take a part of an export too, or one that was changed or is older."
)
@user_option
@json_option
@click.pass_obj
def import_records(shell: Shell, /, *, file: str, unchecked: bool, user: str | None, as_json: bool) -> Action:
    """Keep what is in FILE, which `export` wrote; - reads standard input. What is there stays as it is."""

    def action() -> int:
        body = _loaded("memory_changes")
        return int(body.import_file(file, user, shell.signals, unchecked=unchecked, as_json=as_json))

    return action


@memory.command("status")
@user_option
@json_option
@click.pass_obj
def status(shell: Shell, /, *, user: str | None, as_json: bool) -> Action:
    """Say where memory is kept, whether it answers, and what it holds."""
    return lambda: _loaded("memory").status(user, shell.signals, as_json=as_json)
