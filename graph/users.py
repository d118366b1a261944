"""Whose run it is, and what that user prefers where the run itself does not choose."""

from collections.abc import Mapping
from typing import Any, Final

from graph.settings import Settings, SettingsError
from graph.user_settings import MODELS
from nodes import Context
from nodes.context import AUTH_USER

_WHOLE: Final = ("prefer", "model_timeout_s", "model_tries", "verify_timeout_s", "thread_wait_s")
"""What models, sandbox and locks of a graph are made with, so that no run of it can choose otherwise."""


class Users:
    """Fills a run's context with what its user has set."""

    def __init__(self, settings: Settings) -> None:
        """Note what the graph was made with.

        Args:
            settings: Those of the graph; its own user's are in force in it already.
        """
        self._settings = settings

    def names_one(self, context: Context | None, configurable: Mapping[str, Any]) -> bool:
        """Whether a run says whose it is; else it is of the graph's own user."""
        return bool(configurable.get(AUTH_USER) or (context and context.user_id))

    def chosen(self, context: Context | None, configurable: Mapping[str, Any]) -> Context:
        """What a run's caller chose, and for the rest what its user prefers. Blocks, as it reads a database.

        Who is logged in to the server is the user, whatever the context says.

        Args:
            context: What the caller chose.
            configurable: Of the run's config.

        Raises:
            SettingsError: When the user's name or settings are wrong, or they have set what no run can
                choose.
            DatabaseError: When the user's settings cannot be read.
        """
        context = context or Context()
        user = str(configurable.get(AUTH_USER) or context.user_id or self._settings.user)
        context = context.model_copy(update={"user_id": user})
        if user == self._settings.user or self._settings.user_settings is not True:
            return context
        given = {name: getattr(self._settings, name) for name in self._settings.given}
        theirs = Settings(**(given | {"user": user}))
        self._refuse_the_rest(theirs)
        preferred = {name: getattr(theirs, name) for name in _shared()} | _models(theirs)
        mine = {name: getattr(self._settings, name) for name in _shared()} | _models(self._settings)
        update = {
            name: value
            for name, value in preferred.items()
            if value is not None and value != mine[name] and getattr(context, name) is None
        }
        return context.model_copy(update=update)

    def _refuse_the_rest(self, theirs: Settings) -> None:
        """Refuse a user whose wish would go unheeded without a word."""
        for name in _WHOLE:
            if name in theirs.kept and getattr(theirs, name) != getattr(self._settings, name):
                raise SettingsError(
                    f"The user {theirs.user!r} has set {name}, which a graph serving several users cannot "
                    f"heed for one: make an Agent with Settings(user={theirs.user!r}), or take it back with "
                    f"`duograph settings unset {name} --user {theirs.user}`."
                )


def _shared() -> list[str]:
    """The settings that a run can choose by their own name."""
    return [name for name in Context.model_fields if name in Settings.model_fields and name not in MODELS]


def _models(settings: Settings) -> dict[str, Any]:
    chains = settings.chains()
    return {"reasoning_model": chains["reasoning"], "coding_model": chains["coding"]}
