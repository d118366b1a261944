"""Checks what is kept, and words what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from checkpoints.settings.protocol import UserSettingsError
from checkpoints.settings.words import allowed

if TYPE_CHECKING:
    from collections.abc import Mapping

M = TypeVar("M", bound=BaseModel)

LONGEST_USER = 128
"""The longest name of a user, in characters."""


def check_user(user_id: str) -> str:
    """Check the name of a user.

    Raises:
        UserSettingsError: When it is empty, too long, or not printable.
    """
    if problem := user_problem(user_id):
        raise UserSettingsError(f"The user {user_id[:LONGEST_USER]!r} is no name: {problem}.")
    return user_id


def user_problem(user_id: str) -> str:
    """What is wrong with the name of a user; empty when nothing is."""
    if not user_id.strip() or user_id != user_id.strip() or not user_id.isprintable():
        return "write some printable characters, without a space at either end"
    return f"write at most {LONGEST_USER} characters" if len(user_id) > LONGEST_USER else ""


def as_model(kind: type[M], values: Mapping[str, object], user_id: str) -> M:
    """Read what is kept as a model.

    Raises:
        UserSettingsError: When a value is wrong; the message says how to be rid of it.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        # A model that refuses a name by itself gives it along.
        name = first["loc"][0] if first["loc"] else first.get("ctx", {}).get("name", "--all")
        raise UserSettingsError(
            f"The user settings of {user_id!r} cannot be used. {sentence(error, kind)} Take it back with "
            f"`duograph settings unset {name} --user {user_id}`."
        ) from None


def sentence(error: ValidationError, kind: type[BaseModel]) -> str:
    """The first problem of a model of this kind in one sentence."""
    first: Any = error.errors(include_url=False)[0]
    told = allowed(first, kind.model_fields)
    if not first["loc"]:
        return f"{told}{'' if told.endswith('?') else '.'}"
    name = ".".join(map(str, first["loc"]))
    if first["type"] == "value_error":  # it names the value itself, unless that is a secret
        return f"The setting {name} is wrong: {told}."
    return f"The setting {name} is {first['input']!r}, which is wrong: {told}."
