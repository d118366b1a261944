"""What is wrong with the settings, in one sentence."""

import difflib
import os
from collections.abc import Collection, Mapping

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from checkpoints.settings import allowed
from graph.config_file import CONFIG_FILE, SettingsError
from graph.role_settings import VARIABLES, explain_role


def check_environment(fields: Collection[str]) -> None:
    """Find misspelt `DUOGRAPH_…` variables: one that nobody reads would be silently ignored.

    Args:
        fields: The settings' names.

    Raises:
        SettingsError: When a variable's name is close to that of a setting.
    """
    known = {f"DUOGRAPH_{name.upper()}" for name in fields}
    known |= {"DUOGRAPH_DEBUG", *VARIABLES}
    strange = (name for name in sorted(os.environ) if name.startswith("DUOGRAPH_") and name not in known)
    for name in strange:
        if close := difflib.get_close_matches(name, known, n=1, cutoff=0.85):
            raise SettingsError(f"The environment variable {name} is unknown: did you mean {close[0]}?")


def explain(error: ValidationError, given: Collection[str], fields: Mapping[str, FieldInfo]) -> str:
    """The first problem in one sentence; values of secrets never appear.

    Args:
        error: Of pydantic.
        given: The names that were arguments.
        fields: The settings by name.
    """
    first = error.errors(include_input=True, include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "settings"
    if name == "roles" and len(first["loc"]) > 1:
        return explain_role(first, CONFIG_FILE)
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, fields, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(fields)}."
        return f"There is no setting {name!r}: {hint}"
    where = name if name in given else f"{name} (DUOGRAPH_{name.upper()} or {CONFIG_FILE})"
    is_hidden = any(word in name.lower() for word in ("key", "password", "neo4j_uri"))
    value = "" if is_hidden else f" is {first['input']!r}, which is wrong"
    return f"The setting {where}{value}: {allowed(first, fields)}."
