"""The commands `duograph sessions …`. Imports nothing but click, as `commands.py` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from serving.options import Real, Whole, json_option, named
from serving.resume_command import resume

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]

_into_option = named("--into", "ID", "The id of the new session; a fresh one when left out.")


@click.group(short_help="See, fork, move and delete sessions that were kept.")
def sessions() -> None:
    """Sessions that were kept: see, go on with, fork, move and delete them.

    THREAD is a session's id, or the first characters of it, 4 or more.
    """


sessions.add_command(resume)


@sessions.command("list")
@json_option
@click.option("--limit", metavar="N", type=Whole(min=1), default=50, show_default=True, help="At most N.")
def list_sessions(*, as_json: bool, limit: int) -> Action:
    """List the sessions, the most recently used first."""

    def action() -> int:
        from serving.terminal import starting  # noqa: PLC0415  # bodies load when they run

        with starting():
            from serving import sessions as body  # noqa: PLC0415  # the same

        return body.list_sessions(limit, as_json=as_json)

    return action


@sessions.command("show")
@click.argument("thread")
@click.option("--steps", is_flag=True, help="Its steps that are kept instead, to fork from.")
@json_option
def show_session(*, thread: str, steps: bool, as_json: bool) -> Action:
    """Print the conversation of THREAD."""

    def action() -> int:
        from serving.terminal import starting  # noqa: PLC0415  # bodies load when they run

        with starting():
            from serving import sessions as body  # noqa: PLC0415  # the same

        show = body.show_steps if steps else body.show_session
        return show(thread, as_json=as_json)

    return action


@sessions.command("fork", short_help="Begin another session with what THREAD was.")
@click.argument("thread")
@named("--at", "STEP", "The step to begin from, as `show --steps` lists them; the newest when left out.")
@_into_option
@json_option
def fork_session(*, thread: str, at: str | None, into: str | None, as_json: bool) -> Action:
    """Begin another session with what THREAD was at some step; THREAD stays as it is."""

    def action() -> int:
        from serving import session_changes as body  # noqa: PLC0415  # bodies load when they run

        return body.fork_session(thread, at=at, into=into, as_json=as_json)

    return action


@sessions.command("export")
@click.argument("thread")
@click.option(
    "--format",
    "form",
    type=click.Choice(("json", "markdown")),
    default="json",
    show_default=True,
    help="JSON can be imported again; Markdown is to be read.",
)
@named("--out", "FILE", "Write it there; to standard output when left out.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def export_session(*, thread: str, form: str, out: str | None, force: bool) -> Action:
    """Write THREAD as a file, to keep or to import elsewhere."""
    if force and out is None:
        raise click.UsageError("--force goes with --out FILE")

    def action() -> int:
        from serving import session_changes as body  # noqa: PLC0415  # bodies load when they run

        return body.export(thread, form=form, out=out, force=force)

    return action


@sessions.command("import", short_help="Store the session in FILE, which `export` wrote.")
@click.argument("file")
@named("--into", "ID", "Store it under this id; under its own when left out.")
@json_option
def import_session(*, file: str, into: str | None, as_json: bool) -> Action:
    """Store the session in FILE, which `export` wrote; - reads standard input."""

    def action() -> int:
        from serving import session_changes as body  # noqa: PLC0415  # bodies load when they run

        return body.import_file(file, into=into, as_json=as_json)

    return action


@sessions.command("prune", short_help="Drop the older steps of sessions.")
@click.argument("threads", metavar="[THREAD...]", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Prune all sessions.")
@click.option(
    "--keep",
    metavar="N",
    type=Whole(1, 1_000_000),
    help="Turns to keep; else as configured.",
)
@json_option
def prune_sessions(*, threads: tuple[str, ...], every: bool, keep: int | None, as_json: bool) -> Action:
    """Drop the older steps of sessions; their conversations stay whole.

    What a turn that waits, or a fork within the session, needs is kept.
    """
    if every == bool(threads):
        raise click.UsageError("give either THREADs or --all")

    def action() -> int:
        from serving import session_upkeep as body  # noqa: PLC0415  # bodies load when they run

        return body.prune(threads, keep=keep, as_json=as_json)

    return action


@sessions.command("stats")
@json_option
def session_stats(*, as_json: bool) -> Action:
    """Count sessions, turns, steps and bytes."""

    def action() -> int:
        from serving import session_upkeep as body  # noqa: PLC0415  # bodies load when they run

        return body.stats(as_json=as_json)

    return action


@sessions.command("delete")
@click.argument("threads", metavar="[THREAD...]", nargs=-1)
@click.option(
    "--older-than",
    metavar="DAYS",
    type=Real(0, 36_500),
    help="All that were not used for so long.",
)
@click.option("--with-memory", is_flag=True, help="Forget what was learned from them, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete_sessions(
    *, threads: tuple[str, ...], older_than: float | None, with_memory: bool, yes: bool, as_json: bool
) -> Action:
    """Delete sessions for good. What was learned from them stays in memory, unless --with-memory is given."""
    if (older_than is None) == (not threads):
        raise click.UsageError("give either THREADs or --older-than DAYS")

    def action() -> int:
        from serving import session_changes as body  # noqa: PLC0415  # bodies load when they run

        wanted = body.Deleting(threads, older_than_days=older_than, is_sure=yes, with_memory=with_memory)
        return body.delete(wanted, as_json=as_json)

    return action


@sessions.command("register", short_help="Let a LangGraph server list sessions.")
@click.argument("threads", metavar="THREAD...", nargs=-1, required=True)
@click.option(
    "--server",
    metavar="URL",
    default="http://127.0.0.1:2024",
    show_default=True,
    help="The LangGraph server.",
)
@json_option
def register_sessions(*, threads: tuple[str, ...], server: str, as_json: bool) -> Action:
    """Let a LangGraph server that shares the session file, such as `langgraph dev`, list sessions."""

    def action() -> int:
        from serving import session_register as body  # noqa: PLC0415  # bodies load when they run

        return body.register(threads, server=server, as_json=as_json)

    return action
