"""What an agent has done so far: how requests were decided, and what its models used."""

from pydantic import BaseModel, ConfigDict

from graph.services import Services
from nodes import RoutingStats
from providers import RoleModels
from providers.ledger import Stats

__all__ = ["AgentStats", "stats_of"]


class AgentStats(BaseModel):
    """Counts since the agent was made.

    Attributes:
        routing: How requests were decided.
        models: What the models used; None where they are yours and do not say.
    """

    model_config = ConfigDict(frozen=True)

    routing: RoutingStats
    models: Stats | None = None


def stats_of(services: Services) -> AgentStats:
    """The counts that the services of an agent keep."""
    models = services.models
    used = models.stats() if isinstance(models, RoleModels) else None
    return AgentStats(routing=services.routing.stats(), models=used)
