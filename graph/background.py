"""The work behind the answer: the queue, what is done with a job, and who does it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final, Self, cast

from graph.enrichment import Enrichment
from graph.memory import compares_vectors, open_jobs, open_memory
from graph.services import embedding_models, role_models
from memory.queue import Worker
from memory.queue.peek import has_open_jobs
from memory.queue.rows import job_id
from memory.queue.work import Pace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from graph.services import Services
    from graph.settings import Settings
    from memory import Memory
    from memory.queue.protocol import JobKind, Jobs
    from providers import RoleModels

ENRICHMENT_GRAPH: Final = "enrichment"
"""What `langgraph.json` calls the graph whose runs do one job each."""

_LOOK_S = 0.05
_SETTLE_LOOK_S = 0.01
_LOG = logging.getLogger("duograph.worker")


class Background:
    """Does jobs behind the answer; nothing that goes wrong in it reaches a turn.

    Attributes:
        jobs: The queue. What is enqueued here is begun at once, by whom the setting `enrichment` says.
        worker: Does the jobs of this process; it starts at the first one.
        handle: What it does with a job.
        memory: Where what was learned goes.
    """

    def __init__(
        self,
        settings: Settings,
        memory: Memory,
        jobs: Jobs,
        *,
        models: Callable[[], RoleModels] | None = None,
    ) -> None:
        """Note who does what; nothing is started or contacted yet.

        Args:
            settings: What an installation chooses.
            memory: Where what was learned goes.
            jobs: The queue.
            models: Makes the models to learn with; those of the settings when left out.
        """
        self._settings = settings
        self.memory = memory
        self.handle = Enrichment(
            jobs,
            memory,
            models=models or (lambda: role_models(settings)),
            embedder=(lambda: embedding_models(settings)) if compares_vectors(settings) else None,
        )
        self.worker = Worker(jobs, self.handle, pace=Pace())
        begin = start_run if settings.enrichment == "server" else self._begin
        self._begun = _BegunJobs(jobs, begin)
        self.jobs: Jobs = cast("Jobs", self._begun)
        self._opened: list[Memory | Jobs] = []

    @classmethod
    def of(cls, settings: Settings, services: Services) -> Self | None:
        """The background of an agent with these services; None without a memory or a queue."""
        if services.memory is None or services.jobs is None:
            return None
        return cls.open(settings, memory=services.memory, jobs=services.jobs)

    @classmethod
    def open(
        cls, settings: Settings, *, memory: Memory | None = None, jobs: Jobs | None = None
    ) -> Self | None:
        """Make the background that the settings describe; nothing is started or contacted yet.

        Args:
            settings: What an installation chooses.
            memory: As opened already; as the settings say when left out.
            jobs: The same.

        Returns:
            None where nothing is remembered or nobody shall learn.

        Raises:
            MemoryStoreError: When memory is configured wrongly.
        """
        if settings.enrichment == "off":
            return None
        kept, queue = memory or open_memory(settings), jobs or open_jobs(settings)
        if kept is None or queue is None:
            return None
        background = cls(settings, kept, queue)
        background._opened = [one for one, given in ((kept, memory), (queue, jobs)) if given is None]
        return background

    def begin(self) -> None:
        """Begin with what an earlier process left, if this process is to learn; a quick look tells."""
        if self._settings.enrichment == "worker" and has_open_jobs(self._settings.database_path):
            self.notify()

    def notify(self) -> None:
        """Let this process's worker look at the queue now; it starts if need be."""
        self.worker.notify()

    async def adrain(self, timeout_s: float) -> bool:
        """Wait until no job is left to do, whoever does it; see `Agent.drain`."""
        end = time.monotonic() + timeout_s
        if self._settings.enrichment == "worker":
            self.notify()
        while await self.jobs.next_due_s() is not None:
            left_s = end - time.monotonic()
            if left_s <= 0:
                return False
            await asyncio.sleep(min(_LOOK_S, left_s))
        return True

    def close(self, drain_s: float | None = None) -> bool:
        """Wait for jobs that are being added, and stop this process's worker; see `Worker.close`.

        Args:
            drain_s: Seconds that both may take; the setting `enrichment_drain_s` when left out. The queue
                and the memory stay open.
        """
        end = time.monotonic() + (self._settings.enrichment_drain_s if drain_s is None else drain_s)
        self._begun.settle(end)
        return self.worker.close(max(0.0, end - time.monotonic()))

    async def aclose(self, drain_s: float | None = None) -> bool:
        """Stop this process's worker, and close what `open` opened; see `close`."""
        has_ended = await asyncio.to_thread(self.close, drain_s)
        for each in self._opened:
            await each.aclose()
        return has_ended

    async def _begin(self, job: str) -> None:
        del job  # the worker takes what has been due longest
        self.worker.notify()


class _BegunJobs:
    """A queue that tells somebody of each job that is made; all else is the queue's own."""

    def __init__(self, jobs: Jobs, begin: Callable[[str], Awaitable[None]]) -> None:
        self._jobs = jobs
        self._begin = begin
        self._adding: dict[object, asyncio.AbstractEventLoop] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the queue has
        return getattr(self._jobs, name)

    async def enqueue(self, kind: JobKind, namespace: str, key: str, payload: Mapping[str, Any]) -> bool:
        """Add a job, and tell of it; see `Jobs.enqueue`."""
        call = object()
        self._adding[call] = asyncio.get_running_loop()
        try:
            return await self._add(kind, namespace, key, payload)
        finally:
            del self._adding[call]

    def settle(self, end: float) -> None:
        """Wait until what is being added is there, until `end` (of `time.monotonic`) at the latest."""
        while time.monotonic() < end and any(map(_can_go_on, list(self._adding.values()))):
            time.sleep(_SETTLE_LOOK_S)

    async def _add(self, kind: JobKind, namespace: str, key: str, payload: Mapping[str, Any]) -> bool:
        is_new = await self._jobs.enqueue(kind, namespace, key, payload)
        if is_new:
            try:
                await self._begin(job_id(kind, namespace, key))
            except Exception as error:  # noqa: BLE001  # the job is there, and somebody will look
                _LOG.warning("The job is kept, and nobody began it: %s.", type(error).__name__)
        return is_new


def _can_go_on(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether what runs on a loop may end: it runs, and not around this very call, which holds it up."""
    try:
        return loop.is_running() and loop is not asyncio.get_running_loop()
    except RuntimeError:
        return loop.is_running()


async def start_run(job: str) -> None:
    """Start a run of the enrichment graph for a job, on the LangGraph server that this process is."""
    from langgraph_sdk import get_client  # noqa: PLC0415  # on a server alone

    async with get_client() as client:
        await client.runs.create(
            None, ENRICHMENT_GRAPH, input={"job_id": job}, on_completion="delete", metadata={"job_id": job}
        )
