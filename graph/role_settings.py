"""Each role's parameters among the settings: tables in the file, variables in the environment."""

import difflib
import os
from typing import Any, get_args

from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from providers import RoleParameters
from providers.protocol import CallRole
from providers.roles import near_parameter

ROLES: tuple[str, ...] = get_args(CallRole)

VARIABLES = {
    f"DUOGRAPH_{role}_{name}".upper(): (role, name) for role in ROLES for name in RoleParameters.model_fields
}
"""Role and parameter of every environment variable, such as `DUOGRAPH_CODING_TEMPERATURE`."""


class RoleVariables(PydanticBaseSettingsSource):
    """Reads the roles' parameters from the environment, as the table `roles` that the file has."""

    def __init__(self, settings: type[BaseSettings]) -> None:
        super().__init__(settings)

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ANN401
        """Not used: all variables are read at once."""
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Give what the environment says of the roles."""
        tables: dict[str, dict[str, str]] = {}
        for variable, (role, name) in VARIABLES.items():
            if text := os.environ.get(variable, "").strip():
                tables.setdefault(role, {})[name] = text
        return {"roles": tables} if tables else {}


def explain_role(error: ErrorDetails, file: str) -> str:
    """Say in one sentence what is wrong below `roles`."""
    role, *rest = map(str, error["loc"][1:])
    if rest == ["[key]"]:
        near = difflib.get_close_matches(role, ROLES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the roles are {', '.join(ROLES)}."
        return f"The setting roles has an unknown role {role!r}: {hint}"
    if error["type"] == "extra_forbidden":
        return f"The setting roles.{role} has an unknown parameter {rest[0]!r}: {near_parameter(rest[0])}"
    if not rest:
        table = f"[roles.{role}] in {file}"
        return f"The setting roles.{role} is {error['input']!r}: write a table, such as {table}."
    variable = f"DUOGRAPH_{role}_{rest[0]}".upper()
    name = f"roles.{role}.{rest[0]}"
    return f"The setting {name} ({variable} or {file}) is {error['input']!r}, which is wrong: {error['msg']}."
