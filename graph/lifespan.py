"""What a LangGraph server runs beside its graphs, from its start to its end: the worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from graph.background import Background, start_run
from graph.served import background, services, settings
from graph.tooling import close_tooling

_LOG = logging.getLogger("duograph.worker")


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Begin with what an earlier process left, and give back at the end what is not done by then."""
    sweep = None
    if background is not None and settings.enrichment == "worker":
        await asyncio.to_thread(background.notify)
    elif background is not None:
        sweep = asyncio.create_task(_start_runs(background))  # the server answers when this has ended
    try:
        yield
    finally:
        if sweep is not None:
            sweep.cancel()
        if background is not None:
            await background.aclose()
        for each in (services.memory, services.jobs):
            if each is not None:
                await each.aclose()
        await asyncio.to_thread(close_tooling, services.tools)


async def _start_runs(background: Background) -> None:
    """Start a run for each job that waits; one for a job that has its run already does nothing."""
    try:
        for job in await background.jobs.list(statuses=("pending", "failed", "running"), limit=1000):
            await start_run(job.id)
    except Exception as error:  # noqa: BLE001  # the server runs on, and each job stays in the queue
        _LOG.warning("Jobs that wait were not begun: %s.", type(error).__name__)


app = Starlette(lifespan=lifespan)
