"""`duograph jobs`: the queue of work behind the answer."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from serving import exits, terminal
from serving.faults import InputError
from serving.text import one_line
from serving.there import say_empty, to_look_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeVar

    from memory.queue import Job, JobStatus, SqlJobs

    T = TypeVar("T")

_COLUMNS = ("job", "created", "kind", "status", "attempts", "error")
_ID_CHARS = 12


def list_jobs(statuses: Sequence[str], limit: int, *, as_json: bool) -> int:
    """Print the jobs and give the exit code.

    Raises:
        MemoryStoreError: When the database cannot be read.
    """
    wanted = cast("Sequence[JobStatus]", statuses)
    found = _asked(lambda queue: queue.list(statuses=wanted, limit=limit))
    if as_json:
        # What jobs hold is long, and of no use in a list.
        terminal.json_object([job.model_dump(mode="json", exclude={"payload", "output"}) for job in found])
    elif not found:
        from graph.settings import Settings  # noqa: PLC0415  # loaded by now

        say_empty(Settings(user_settings=False), "duograph: there are no such jobs.")
    elif terminal.is_terminal(sys.stdout):
        _print_table(found)
    else:
        for job in found:
            terminal.line("\t".join(_row(job)))
    return exits.DONE


def show_job(name: str, *, as_json: bool) -> int:
    """Print one job and give the exit code.

    Raises:
        InputError: When no job fits, or several do.
        MemoryStoreError: When the database cannot be read.
    """
    job = _asked(lambda queue: _found(queue, name))
    if as_json:
        terminal.json_object(job.model_dump(mode="json"))
        return exits.DONE
    for field, value in job.model_dump(mode="json").items():
        if isinstance(value, dict):
            for inner, text in value.items():
                terminal.line(f"{field}.{inner}: {one_line(str(text))}")
        elif value not in ("", None):
            terminal.line(f"{field}: {one_line(str(value))}")
    return exits.DONE


def retry_job(name: str, *, as_json: bool) -> int:
    """Make a job due now and give the exit code.

    Raises:
        InputError: When no job fits, several do, or it is neither dead nor failed.
        MemoryStoreError: When the database cannot be written.
    """

    async def retry(queue: SqlJobs) -> Job:
        job = await _found(queue, name)
        if not await queue.retry(job.id):
            raise InputError(f"The job {job.id} is {job.status}: only failed and dead ones are repeated.")
        return job

    return _say("retried", _asked(retry), as_json=as_json)


def drop_job(name: str, *, as_json: bool) -> int:
    """Delete a job and give the exit code.

    Raises:
        InputError: When no job fits, several do, or a worker holds it.
        MemoryStoreError: When the database cannot be written.
    """

    async def drop(queue: SqlJobs) -> Job:
        job = await _found(queue, name)
        if not await queue.drop(job.id):
            raise InputError(f"A worker has the job {job.id} at hand: wait until it is done, or stop it.")
        return job

    return _say("dropped", _asked(drop), as_json=as_json)


def _asked(ask: Callable[[SqlJobs], Awaitable[T]]) -> T:
    """Ask the queue in the database of the sessions.

    Raises:
        MemoryStoreError: When it cannot be read; where there is none yet, the queue is empty.
    """
    from graph.settings import Settings  # noqa: PLC0415  # seconds of imports
    from memory.queue import open_jobs  # noqa: PLC0415  # the same

    place = to_look_at(Settings(user_settings=False)).database_path

    async def run() -> T:
        async with aclosing(open_jobs(place)) as queue:
            return await ask(queue)

    return asyncio.run(run())


async def _found(queue: SqlJobs, name: str) -> Job:
    job = await queue.get(name.strip().lower())
    if job is None:
        raise InputError(f"No job, or more than one, begins with {name!r}: `duograph jobs list` names them.")
    return job


def _say(done: str, job: Job, *, as_json: bool) -> int:
    if as_json:
        terminal.json_object({done: job.id})
    else:
        terminal.notice(f"duograph: {done} {job.id}")
    return exits.DONE


def _row(job: Job) -> tuple[str, ...]:
    created = job.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
    return (
        job.id[:_ID_CHARS],
        created,
        job.kind,
        job.status,
        str(job.attempts),
        one_line(job.problem or job.error),
    )


def _print_table(found: Sequence[Job]) -> None:
    from rich.table import Table  # noqa: PLC0415  # a pipe need not wait for rich
    from rich.text import Text  # noqa: PLC0415  # the same

    table = Table(box=None, pad_edge=False)
    for name in _COLUMNS:
        table.add_column(name, no_wrap=name != "error", overflow="ellipsis")
    for job in found:
        table.add_row(*map(Text, _row(job)))
    terminal.console(sys.stdout).print(table)
