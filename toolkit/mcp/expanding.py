"""Putting variables in: `${NAME}`, `${NAME:-otherwise}` and `${env:NAME}`, only when a server is started."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from toolkit.mcp.secrets import Secrets, is_secret, is_secret_header, secrets_in
from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.mcp.spec import ServerSpec

_VARIABLE: Final = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")

KEPT: Final = (
    *("HOME", "LOGNAME", "USER", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE"),
    *("SYSTEMROOT", "COMSPEC", "APPDATA", "LOCALAPPDATA", "USERPROFILE", "TEMP", "TMP", "PATHEXT"),
)
"""What a server is given of our environment; all else, such as keys of models, it must be given by name."""


def is_variable(text: str) -> bool:
    """Tell whether all of a text is one variable that would be put in."""
    return _VARIABLE.fullmatch(text) is not None


@dataclass(frozen=True, repr=False)
class Expanded:
    """A server with all variables put in; never kept longer than it takes to start it.

    Attributes:
        command: What to run; empty over HTTP.
        env: The whole environment of the process.
        cwd: The folder that the process starts in.
        url: What to ask; empty over stdio.
        headers: What to send along.
        secrets: Values that are not to be shown.
    """

    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    url: str
    headers: Mapping[str, str]
    secrets: Secrets


def expand(spec: ServerSpec, environment: Mapping[str, str]) -> Expanded:
    """Put the variables in.

    Raises:
        ToolError: When one is not set; the sentence names it, and no value.
    """
    hidden: list[str] = []

    def put(text: str, field: str) -> str:
        def value_of(found: re.Match[str]) -> str:
            name, otherwise = found.groups()
            value = environment.get(name) or otherwise
            if value is None:
                raise ToolError(
                    f"The MCP server {spec.name} needs the environment variable {name} (in {field}): set it."
                )
            if is_secret(name):
                hidden.append(value)
            return value

        return _VARIABLE.sub(value_of, text)

    env = {name: environment[name] for name in KEPT if name in environment}
    env |= {name: put(value, f"env.{name}") for name, value in spec.env}
    headers = {name: put(value, f"headers.{name}") for name, value in spec.headers}
    hidden += [env[name] for name, _ in spec.env if is_secret(name)]
    hidden += [value for name, value in headers.items() if is_secret_header(name, value)]
    url = put(spec.url, "url")
    hidden += _secrets_of_url(url)
    command = tuple(put(word, "command and args") for word in (spec.command, *spec.args) if spec.command)
    hidden += secrets_in(command)
    return Expanded(
        command=command,
        env=env,
        cwd=spec.file.parent / Path(put(spec.cwd, "cwd")).expanduser(),
        url=url,
        headers=headers,
        secrets=Secrets(hidden),
    )


def _secrets_of_url(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        return [part for part in (parts.query, parts.password) if part]
    except ValueError:  # it is refused before anybody is asked
        return []
