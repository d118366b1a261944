"""How a role asks: its own temperature, limits and timeouts beside its chain of models."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from providers.backend import Loading, Sampling, Timeouts
from providers.protocol import ModelConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_S = 3600.0
"""The longest timeout that may be chosen; it bounds every turn."""

_TIMEOUTS = {
    "connect_timeout_s": "connect_s",
    "first_token_timeout_s": "first_token_s",
    "stall_timeout_s": "stall_s",
    "timeout_s": "total_s",
}


_DURATION = re.compile(r"-?(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")
_SECONDS = re.compile(r"-?\d+")


def _keep_alive(value: object) -> object:
    """Read a duration as Ollama's server does: without a unit it must be a number, and not a text."""
    if isinstance(value, str) and _SECONDS.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, str):
        value = value.strip()
    if value is None or type(value) is int or (isinstance(value, str) and _DURATION.fullmatch(value)):
        return value
    raise ValueError(
        "write a duration such as 10m or 1h30m, or seconds; 0 unloads at once, -1 keeps for ever"
    )


class RoleParameters(BaseModel):
    """What a role asks every model of its chain with; None leaves it to the model or to the installation.

    What a model does not take is not sent to it.

    Attributes:
        temperature: 0 to 2.
        top_p: Above 0, to 1.
        frequency_penalty: -2 to 2.
        presence_penalty: -2 to 2.
        max_tokens: Tokens after which a model is told to stop; its answer then ends there.
        keep_alive: How long Ollama keeps the model in memory after a call: a duration such as `10m`, or
            seconds; 0 unloads it, -1 keeps it.
        num_ctx: The context window in tokens that Ollama loads the model with; otherwise what a conversation
            needs.
        connect_timeout_s: Seconds until the connection stands.
        first_token_timeout_s: Seconds until the first piece with content.
        stall_timeout_s: Seconds between one piece and the next.
        timeout_s: Seconds for one attempt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    max_tokens: int | None = Field(default=None, ge=1, le=10_000_000)
    keep_alive: Annotated[str | int | None, BeforeValidator(_keep_alive)] = None
    num_ctx: int | None = Field(default=None, ge=256, le=10_000_000)
    connect_timeout_s: float | None = Field(default=None, gt=0, le=LONGEST_S)
    first_token_timeout_s: float | None = Field(default=None, gt=0, le=LONGEST_S)
    stall_timeout_s: float | None = Field(default=None, gt=0, le=LONGEST_S)
    timeout_s: float | None = Field(default=None, gt=0, le=LONGEST_S)

    @property
    def sampling(self) -> Sampling:
        """How the models pick their tokens."""
        return Sampling(self.temperature, self.top_p, self.frequency_penalty, self.presence_penalty)

    @property
    def loading(self) -> Loading:
        """How a server of yours holds the model."""
        return Loading(self.keep_alive, self.num_ctx)

    def timeouts(self, base: Timeouts) -> Timeouts:
        """Put the role's own timeouts in the place of the installation's."""
        own = {
            name: value for field, name in _TIMEOUTS.items() if (value := getattr(self, field)) is not None
        }
        return replace(base, **own)

    def updated(self, updates: Mapping[str, Any], role: str) -> RoleParameters:
        """Return a copy with other values, all of them checked.

        Args:
            updates: By field name; None takes a value back.
            role: Whose they are, for the message.

        Raises:
            ModelConfigError: When a name or a value is wrong.
        """
        for name, value in updates.items():
            if isinstance(value, bool):  # pydantic would take it for a number
                raise ModelConfigError(_sentence(role, str(name), "Input should be a number", updates))
        try:
            return RoleParameters.model_validate(self.model_dump() | dict(updates))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ModelConfigError(
                _sentence(role, ".".join(map(str, first["loc"])), first["msg"], updates)
            ) from None


def near_parameter(name: str, *more: str) -> str:
    """Say which parameter was probably meant."""
    known = [*more, *RoleParameters.model_fields]
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."


def _sentence(role: str, name: str, problem: str, updates: Mapping[str, Any]) -> str:
    if name not in RoleParameters.model_fields:
        return f"The {role} role has no parameter {name!r}: {near_parameter(name, 'model')}"
    return f"The {role} role's {name} is {updates.get(name)!r}, which is wrong: {problem}."
