"""What one user prefers: models, limits and archives, kept beside the sessions."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from nodes.limits import MAX_REPAIRS, MAX_TOOL_CALLS, MAX_TOOL_ROUNDS
from providers.place import Prefer

if TYPE_CHECKING:
    from checkpoints.settings import UserSettingsService
    from graph.settings import Settings

MODELS: Final = ("reasoning_model", "coding_model")
"""The two that `solo_model` stands for."""

MAX_ARCHIVES: Final = 32

_ARCHIVE = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")
_SECRET = re.compile(r"(?:^|_)(?:keys?|tokens?|secrets?|passwords?|credentials?)$|apikey", re.IGNORECASE)


def _chain(text: str) -> str:
    from providers import parse_chain  # noqa: PLC0415  # the table of backends, which a mere import need not load

    try:
        parse_chain(text)
    except ValueError as error:
        raise ValueError(str(error)) from None
    return text


def names(value: object) -> object:
    """A list of names as a person writes it: with commas between, or as JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError(f'{value!r} is no list: write ["one", "two"], or one,two') from None
    return [part.strip() for part in value.split(",")] if value.strip() else []


def _archives(found: list[str]) -> list[str]:
    for name in found:
        if not _ARCHIVE.fullmatch(name):
            raise ValueError(
                f"{name!r} names no archive: write 1 to 64 letters, digits, dots, dashes or underscores"
            )
    if len(found) > MAX_ARCHIVES:
        raise ValueError(f"{len(found)} archives are too many: name at most {MAX_ARCHIVES}")
    return list(dict.fromkeys(found))


def number(value: object, declared: object) -> object:
    """What was given for a setting of this type, unless it is true or false for a number.

    Raises:
        ValueError: When it is; Python would take it for 1 or 0.
    """
    kinds = set(get_args(declared)) or {declared}
    if isinstance(value, bool) and not kinds.isdisjoint({int, float}):
        raise ValueError("give a number, not true or false")
    return value


Chain = Annotated[str, AfterValidator(_chain)]
Archives = Annotated[list[str], BeforeValidator(names), AfterValidator(_archives)]
"""Names of memory archives, each once; text is split at commas."""


class UserSettings(BaseModel):
    """What one user prefers; None is not set. Outranks the environment, but no argument and no context.

    Every field is the setting of the same name in `Settings`. What belongs to the installation (folders,
    sandbox, keys) cannot be set here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reasoning_model: Chain | None = None
    coding_model: Chain | None = None
    background_model: Chain | None = None
    embedding_model: Chain | None = None
    solo_model: Chain | None = None
    prefer: Prefer | None = None
    memory: bool | None = None
    archives: Archives | None = None
    recall_tokens: int | None = Field(default=None, ge=0, le=100_000)
    memory_min_score: float | None = Field(default=None, ge=0, le=1)
    memory_max_results: int | None = Field(default=None, ge=1, le=100)
    verify_types: bool | None = None
    max_repairs: int | None = Field(default=None, ge=0, le=MAX_REPAIRS)
    max_model_calls: int | None = Field(default=None, ge=1, le=10_000)
    max_input_tokens: int | None = Field(default=None, ge=1)
    max_output_tokens: int | None = Field(default=None, ge=1)
    max_cost_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    turn_timeout_s: float | None = Field(default=None, gt=0, le=86_400)
    thread_wait_s: float | None = Field(default=None, ge=0, le=86_400)
    plan_approval: bool | None = None
    max_tool_rounds: int | None = Field(default=None, ge=0, le=MAX_TOOL_ROUNDS)
    max_tool_calls: int | None = Field(default=None, ge=0, le=MAX_TOOL_CALLS)
    model_timeout_s: float | None = Field(default=None, gt=0, le=3600)
    model_tries: int | None = Field(default=None, ge=1, le=10)
    verify_timeout_s: float | None = Field(default=None, gt=0, le=600)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers(cls, value: object, info: ValidationInfo) -> object:
        return number(value, cls.model_fields[str(info.field_name)].annotation)

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, values: object) -> object:
        """Say of a name that cannot be set where it belongs, before anything of its value is shown."""
        for name in values if isinstance(values, Mapping) else ():
            if why := refusal(str(name)):
                raise PydanticCustomError("name", "{why}", {"why": why, "name": str(name)})
        return values

    @property
    def chosen(self) -> dict[str, Any]:
        """What is set, by name."""
        return self.model_dump(exclude_none=True)


def refusal(name: str) -> str:
    """Why a user cannot set `name`; empty when they can. Never shows a value."""
    from graph.settings import Settings  # noqa: PLC0415  # it reads what is set here

    if name in UserSettings.model_fields:
        return ""
    if is_secret(name):
        ours = name in Settings.model_fields and name != "openai_api_key"
        variable = f"DUOGRAPH_{name.upper()}" if ours else name.upper()
        return f"The setting {name} is a secret, and none is stored: use the environment variable {variable}."
    if name in Settings.model_fields:
        return (
            f"The setting {name} belongs to the installation and not to a user: set DUOGRAPH_{name.upper()}, "
            f"or {name} in duograph.toml."
        )
    close = difflib.get_close_matches(name, UserSettings.model_fields, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(UserSettings.model_fields)}."
    return f"There is no user setting {name!r}: {hint}"


def is_secret(name: str) -> bool:
    """Whether the name of a setting says that its value is a secret."""
    return bool(_SECRET.search(name))


def open_user_settings(settings: Settings | None = None) -> UserSettingsService[UserSettings]:
    """Open what keeps user settings: the database of the sessions, by default the one that is configured.

    Args:
        settings: Where; read from the environment and `duograph.toml` when left out.

    Raises:
        SettingsError: When a setting is wrong.
        DatabaseError: When that database can keep no settings.
    """
    from checkpoints.settings import SqlUserSettings, UserSettingsService  # noqa: PLC0415  # SQLAlchemy
    from graph.settings import Settings  # noqa: PLC0415  # it reads what is kept here

    # A broken value must not keep anyone from mending it.
    settings = settings or Settings(user_settings=False)
    return UserSettingsService(SqlUserSettings(settings.database_path), UserSettings)


def read_user_settings(target: str, user: str) -> UserSettings:
    """Read what a user has set; makes no table, and loads SQLAlchemy only to bring old ones up to date.

    Args:
        target: The database.
        user: Whose.

    Raises:
        UserSettingsError: When a value that is kept is wrong.
        DatabaseError: When the database cannot be read.
    """
    from checkpoints.settings import as_model, peek  # noqa: PLC0415  # only where there may be some

    stored = peek(target, user)
    if stored is None:
        from checkpoints.settings import SqlUserSettings  # noqa: PLC0415  # SQLAlchemy

        stored = {row.name: row.value for row in SqlUserSettings(target).rows(user)}
    return as_model(UserSettings, stored, user) if stored else UserSettings()


def overlay(chosen: Mapping[str, Any], given: Collection[str], solo_below: str | None) -> dict[str, Any]:
    """The values with which a user's settings stand between the arguments and the environment.

    `solo_model` stands for two other settings, so the higher source must win between them, too.

    Args:
        chosen: What the user has set.
        given: The names of the arguments.
        solo_below: `solo_model` of the environment or the file.

    Returns:
        Values by name, none of them an argument.
    """
    values = {name: value for name, value in chosen.items() if name not in given}
    if "solo_model" in given:
        return values
    if (solo := values.get("solo_model")) and any(name in given for name in MODELS):
        values |= dict.fromkeys(MODELS, solo) | {"solo_model": None}
    elif "solo_model" not in values and solo_below and any(name in values for name in MODELS):
        values = dict.fromkeys(MODELS, solo_below) | values | {"solo_model": None}
    return {name: value for name, value in values.items() if name not in given}
