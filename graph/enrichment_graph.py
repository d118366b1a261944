"""Learning as runs of a LangGraph server: each run does one job of the queue.

The job's row stays the truth: a run that is made again finds the job held or done, and does nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from graph.background import Background
from graph.settings import Settings
from memory.queue.attempt import work_off


class JobRun(TypedDict, total=False):
    """What such a run is given, and what it came to.

    Attributes:
        job_id: Of the job.
        status: As the job stands now; empty when there is none.
        error: Why the last attempt failed, or what a done job did not come to.
    """

    job_id: str
    status: str
    error: str


async def work(state: JobRun) -> JobRun:
    """Do the job."""
    settings = await asyncio.to_thread(Settings)  # it reads a file
    background = await asyncio.to_thread(Background.open, settings)
    if background is None:
        return JobRun(status="", error="Nothing is remembered or learned here: see the setting enrichment.")
    try:
        await work_off(background.jobs, background.handle, state["job_id"])
        job = await background.jobs.get(state["job_id"])
    finally:
        await background.handle.aclose()
        await background.aclose(0)
    return JobRun(status=job.status if job else "", error=job.error if job else "")


def build_enrichment_graph() -> Any:  # noqa: ANN401  # LangGraph's generic of four
    """The graph that `langgraph.json` names `enrichment`."""
    builder: StateGraph[JobRun, None, JobRun, JobRun] = StateGraph(JobRun)
    builder.add_node("work", cast("Any", work))
    builder.add_edge(START, "work")
    builder.add_edge("work", END)
    return builder.compile(name="enrichment")


graph = build_enrichment_graph()
