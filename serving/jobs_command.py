"""The commands `duograph jobs …` and `duograph worker`. Imports nothing but click, as `commands.py` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from serving.options import Shell, Whole, json_option

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]

STATUSES = ("pending", "running", "done", "failed", "dead")

_job = click.argument("job")


@click.group(short_help="See, repeat and drop the work behind the answer.")
def jobs() -> None:
    """The queue of work behind the answer: see, repeat and drop its jobs.

    JOB is a job's id, or the first characters of it, as many as it takes to tell it apart.
    """


@jobs.command("list")
@click.option(
    "--status", "statuses", type=click.Choice(STATUSES), multiple=True, help="Only these; may be repeated."
)
@click.option("--limit", metavar="N", type=Whole(min=1), default=50, show_default=True, help="At most N.")
@json_option
def list_jobs(*, statuses: tuple[str, ...], limit: int, as_json: bool) -> Action:
    """List the jobs, newest first."""

    def action() -> int:
        from serving import jobs as body  # noqa: PLC0415  # bodies load when they run

        return body.list_jobs(statuses, limit, as_json=as_json)

    return action


@jobs.command("show")
@_job
@json_option
def show_job(*, job: str, as_json: bool) -> Action:
    """Show all there is of JOB, what it holds too."""

    def action() -> int:
        from serving import jobs as body  # noqa: PLC0415  # bodies load when they run

        return body.show_job(job, as_json=as_json)

    return action


@jobs.command("retry", short_help="Make JOB due now, with all its attempts before it.")
@_job
@json_option
def retry_job(*, job: str, as_json: bool) -> Action:
    """Make JOB due now, with all its attempts before it; it is dead or has failed."""

    def action() -> int:
        from serving import jobs as body  # noqa: PLC0415  # bodies load when they run

        return body.retry_job(job, as_json=as_json)

    return action


@jobs.command("drop")
@_job
@json_option
def drop_job(*, job: str, as_json: bool) -> Action:
    """Delete JOB, unless a worker has it at hand."""

    def action() -> int:
        from serving import jobs as body  # noqa: PLC0415  # bodies load when they run

        return body.drop_job(job, as_json=as_json)

    return action


@click.command(short_help="Do the jobs of the queue until Ctrl-C or SIGTERM.")
@click.option("--drain", is_flag=True, help="End when the queue is empty; the exit code says if jobs died.")
@json_option
@click.pass_obj
def worker(shell: Shell, /, *, drain: bool, as_json: bool) -> Action:
    """Do the jobs of the queue until Ctrl-C or SIGTERM; several workers may share one queue."""

    def action() -> int:
        from serving import worker as body  # noqa: PLC0415  # bodies load when they run

        return body.work(drain=drain, signals=shell.signals, as_json=as_json)

    return action
