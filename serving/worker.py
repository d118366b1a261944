"""`duograph worker`: do the jobs of the queue."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, Final

from serving import exits, terminal
from serving.faults import InputError
from serving.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graph.background import Background
    from graph.settings import Settings
    from memory.queue import Jobs, JobStatus
    from serving.signals import Signals

    Counts = Mapping[JobStatus, int]

_LOOK_S: Final = 0.2
_BETWEEN_S: Final = 1.0
_LONG_S: Final = 40.0
"""Seconds that no job waits for another attempt, unless memory was away."""

_AT_ONCE: Final = 1000


def work(*, drain: bool, signals: Signals, as_json: bool) -> int:
    """Do jobs until a signal comes, or the queue is empty, and give the exit code.

    Args:
        drain: Whether to end when nothing is left to do, failed jobs that are due later included; or when
            what is left waits for a memory that cannot be used.
        signals: How this process is stopped: a job at hand then goes back into the queue.
        as_json: Whether to print an object at the end.

    Raises:
        InputError: When nothing is remembered or learned here.
        MemoryStoreError: When the queue cannot be read, or memory is configured wrongly.
    """
    stopped = threading.Event()
    progress = _Progress(is_quiet=as_json)
    before, after, away = asyncio.run(_work(stopped, signals, progress, drain=drain))
    did = {name: _count(after, name) - _count(before, name) for name in ("done", "dead")}
    left = _left(after)
    if as_json:
        waiting = left if away else 0
        terminal.json_object({"done": did["done"], "dead": did["dead"], "left": left, "waiting": waiting})
    else:
        dead = f", {did['dead']} dead (`duograph jobs list --status dead`)" if did["dead"] > 0 else ""
        terminal.notice(f"duograph: {counted(did['done'], 'job')} done{dead}, {left} left")
    if away:
        terminal.notice(
            f"duograph: {counted(left, 'job')} will wait until memory can be used, and none is lost. {away}"
        )
        return exits.MEMORY_AWAY
    return exits.JOBS_DIED if drain and did["dead"] > 0 else exits.DONE


def _count(counts: Counts, status: str) -> int:
    return sum(number for name, number in counts.items() if name == status)


def _left(counts: Counts) -> int:
    return sum(_count(counts, name) for name in ("pending", "running", "failed"))


class _Progress:
    """Says what there is to do, and on a terminal what a worker is at, which may run for days."""

    def __init__(self, *, is_quiet: bool) -> None:
        """Note to whom it speaks.

        Args:
            is_quiet: Whether it says nothing, as for a program that reads the object at the end.
        """
        self._is_quiet = is_quiet
        self._is_seen = not is_quiet and terminal.is_terminal(sys.stderr)
        self._before = self._told = 0

    def begin(self, before: Counts) -> None:
        """Say how many of the queue's jobs are to be done, before any is begun."""
        self._before = self._told = _count(before, "done")
        if not self._is_quiet:
            end = "; Ctrl-C ends this and loses none." if self._is_seen else ""
            terminal.notice(f"duograph: {counted(_left(before), 'job')} to do{end}")

    async def look(self, jobs: Jobs) -> None:
        """Say what has been done since the last look, if anything has."""
        if not self._is_seen:
            return
        counts = await jobs.counts()
        done = _count(counts, "done")
        if done > self._told:
            self._told = done
            terminal.notice(f"duograph: {counted(done - self._before, 'job')} done, {_left(counts)} left")


async def _work(
    stopped: threading.Event, signals: Signals, progress: _Progress, *, drain: bool
) -> tuple[Counts, Counts, str]:
    """Work, and give the jobs before and after, and why those that are left wait for memory."""
    from graph.background import Background  # noqa: PLC0415  # seconds of imports
    from graph.saver import open_sessions  # noqa: PLC0415  # the same
    from graph.settings import Settings  # noqa: PLC0415  # the same

    settings = Settings()
    with open_sessions(settings):  # which makes the file, or says why it may not be ours
        background = Background.open(settings)
        if background is None:
            raise InputError(f"Nothing is learned here: {_why_nothing(settings)}")
        try:
            before = await background.jobs.counts()
            progress.begin(before)
            with signals.handled_by(stopped.set):
                background.notify()
                away = await _wait(background, settings.user, stopped, progress, drain=drain)
                await asyncio.to_thread(background.close, 0)
            after = await background.jobs.counts()
        finally:
            await background.aclose(0)
    return before, after, away


def _why_nothing(settings: Settings) -> str:
    """Why there is nothing to do here; memory comes first, as without it no other setting helps."""
    from graph.memory import why_off  # noqa: PLC0415  # seconds of imports

    if why := why_off(settings):
        return f"there is no memory: {why}"
    return (
        'learning is switched off; set DUOGRAPH_ENRICHMENT=worker, or enrichment = "worker" in duograph.toml.'
    )


async def _wait(
    background: Background, user: str, stopped: threading.Event, progress: _Progress, *, drain: bool
) -> str:
    """Wait for a signal, or until nothing is left that can be done now; say why memory cannot be used."""
    jobs = background.jobs
    while not stopped.is_set():
        await progress.look(jobs)
        due_s = await jobs.next_due_s() if drain else 0.0
        if due_s is None:
            return ""
        look_s = _LOOK_S
        # Every job writes to memory: while none can be begun and memory is away, waiting helps none of them.
        if due_s > 0 and not _count(await jobs.counts(), "running"):
            status = await background.memory.status(user)
            if not status.is_available:
                return status.problem
            if due_s > _LONG_S:
                await _hurry(background)
            look_s = _BETWEEN_S
        await asyncio.to_thread(stopped.wait, look_s)
    return ""


async def _hurry(background: Background) -> None:
    """Make due what waited for memory, which answers again."""
    for job in await background.jobs.list(statuses=("failed",), limit=_AT_ONCE):
        await background.jobs.retry(job.id)
    background.notify()
