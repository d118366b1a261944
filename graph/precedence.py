"""Which value of each setting is in force, and who says so."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, SecretStr

from graph.config_file import CONFIG_FILE, read_config
from graph.role_settings import VARIABLES
from graph.settings import Settings
from graph.user_settings import MODELS
from nodes import Context
from providers.scrub import HIDDEN, scrub

Source = Literal["argument", "context", "user settings", "environment", "file", "default"]

PRECEDENCE: Final[tuple[Source, ...]] = (
    "argument",
    "context",
    "user settings",
    "environment",
    "file",
    "default",
)
"""The sources, the highest first."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One setting as it is in force.

    Attributes:
        name: Of the setting.
        value: What JSON can hold; of a secret only that there is one.
        source: Who says so.
        place: More exactly: the variable, the file, the user; empty where there is nothing to add.
    """

    name: str
    value: object
    source: Source
    place: str = ""


def origins(settings: Settings, context: Context | None = None) -> list[Origin]:
    """Say of every setting what is in force and where it comes from, as the environment is now.

    Args:
        settings: As they were read.
        context: What a run's caller would choose.

    Raises:
        SettingsError: When `duograph.toml` has become unreadable.
    """
    return _Origins(settings, context or Context()).all()


class _Origins:
    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = {name: value for name, value in context if value not in (None, "", [])}
        self._file = read_config(Path(CONFIG_FILE), Settings.model_fields)
        self._variables = {name.lower(): name for name, value in os.environ.items() if value}
        self._kept = settings.kept

    def all(self) -> list[Origin]:
        return [self._of(name) for name in Settings.model_fields]

    def _of(self, name: str) -> Origin:
        if name in self._context:
            return Origin(name, shown(self._context[name]), "context")
        if name in MODELS:
            return self._of_model(name)
        if name == "solo_model" and self._settings.solo_model is None:
            return Origin(name, None, "default")
        value = getattr(self._settings, "database_path" if name == "database" else name)
        return Origin(name, shown(value), *self._source(name))

    def _of_model(self, name: str) -> Origin:
        """One of the two settings for which `solo_model` can stand in, as their chains say."""
        value = shown(self._settings.chains()["reasoning" if name == "reasoning_model" else "coding"])
        mine = name in self._settings.given or name in self._kept
        below = self._below("solo_model")
        if self._settings.solo_model is not None or (not mine and "solo_model" in self._kept):
            return Origin(name, value, *_through_solo(self._source("solo_model")))
        if not mine and below[0] != "default" and self._kept.intersection(MODELS):
            return Origin(name, value, *_through_solo(below))
        return Origin(name, value, *self._source(name))

    def _source(self, name: str) -> tuple[Source, str]:
        if name in self._settings.given:
            return "argument", ""
        if name in self._kept:
            own = self._settings.user_settings is not True
            return "user settings", "of the program" if own else f"of {self._settings.user!r}"
        return self._below(name)

    def _below(self, name: str) -> tuple[Source, str]:
        """Who says so where neither an argument nor the user does."""
        wanted = [f"duograph_{name}"] + (["openai_api_key"] if name == "openai_api_key" else [])
        if name == "roles":
            wanted += [variable.lower() for variable in VARIABLES]
        if found := [self._variables[variable] for variable in wanted if variable in self._variables]:
            return "environment", ", ".join(found)
        return ("file", CONFIG_FILE) if name in self._file else ("default", "")


def _through_solo(origin: tuple[Source, str]) -> tuple[Source, str]:
    source, place = origin
    return source, f"solo_model {place}".strip()


def shown(value: Any) -> Any:  # noqa: ANN401  # any setting
    """A setting's value as it may be shown: what JSON can hold, without secrets."""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, BaseModel):
        return shown(value.model_dump(exclude_none=True))
    if isinstance(value, Mapping):
        return {str(name): shown(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [shown(one) for one in value]
    return scrub(str(value)) if isinstance(value, str | Path) else value
