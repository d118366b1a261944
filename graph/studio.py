"""What `langgraph dev` serves: the graph, and the sessions' own file to keep its threads in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from checkpoints import SessionSaver
from graph.build import build_graph
from graph.saver import open_sessions
from graph.served import services, settings
from graph.settings import Settings

# Who looks on can consent to calls that change something; other clients find the question in the run.
_asking = {} if "consent" in settings.model_fields_set else {"consent": "ask"}
graph = build_graph(settings.model_copy(update=_asking), services=services)


@asynccontextmanager
async def checkpointer() -> AsyncIterator[SessionSaver]:
    """The session store that the settings name, one for each event loop of the server."""
    settings = await asyncio.to_thread(Settings)  # it reads a file
    async with open_sessions(settings) as saver:
        yield saver
