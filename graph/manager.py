"""The models of an installation without its graph."""

from graph.services import embedding_models, role_models
from graph.settings import Settings
from providers.direct.manager import RoleManager


class ModelManager(RoleManager):
    """The models that the settings describe, for programs that want answers and no turn.

    It has the providers' tries, timeouts and breakers, but no sandbox, no session and no limit of a turn.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        """Read and check every chain; nothing is contacted yet. Never call it on an event loop.

        Args:
            settings: Read from the environment and `duograph.toml` when left out.

        Raises:
            SettingsError: When a setting is wrong.
            ModelConfigError: When a chain names something that does not exist.
        """
        settings = settings or Settings()
        models = role_models(settings)
        super().__init__(models, embedding_models(settings, models))
