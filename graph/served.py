"""What the graphs and the lifespan of a LangGraph server share.

The server loads the files that `langgraph.json` names under names of its own; this module is loaded once.
"""

from __future__ import annotations

from dataclasses import replace

from graph.background import Background
from graph.services import Services
from graph.settings import Settings

settings = Settings()
_services = Services.from_settings(settings, remembers=True)

background = Background.of(settings, _services)
"""What learns behind the answer; the lifespan starts and ends it."""

services = replace(_services, jobs=background.jobs) if background else _services
"""What the nodes are given."""
