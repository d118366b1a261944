"""A server as its file describes it, before any variable is put in and before anything runs."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from toolkit.compact import HIDDEN, redact
from toolkit.mcp.secrets import secrets_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_KEY: Final = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_~=-]{20,}")
"""A part of an address that nobody would choose as a name."""


@dataclass(frozen=True)
class ServerSpec:
    """One entry of `mcpServers`.

    Attributes:
        name: As the file calls it.
        file: The file, resolved.
        command: The program of a server over stdio; empty for one over HTTP.
        args: Its arguments, with `${NAME}` as written.
        env: Its variables, the same; only names are ever shown.
        cwd: Its folder; empty for the file's own.
        url: The address of a server over HTTP; empty for one over stdio.
        headers: What is sent along, with `${NAME}` as written; only names are ever shown.
    """

    name: str
    file: Path
    command: str = ""
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = ""
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def transport(self) -> Literal["stdio", "http"]:
        """How it is reached."""
        return "http" if self.url else "stdio"

    @property
    def identity(self) -> str:
        """A digest of all that says which server this is; the same in every process."""
        parts: list[Any] = [self.name, str(self.file), self.command, self.args, self.env, self.cwd]
        parts += [self.url, self.headers]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def __repr__(self) -> str:
        return (
            f"ServerSpec({self.name!r}, {self.transport})"  # a value may be a secret that stands in the file
        )

    def in_words(self) -> str:
        """Say what is run or asked, without values of variables and headers."""
        if self.url:
            names = ", ".join(name for name, _ in self.headers)
            return f"asks {_shown_url(self.url)}" + (f" with the headers {names}" if names else "")
        hidden = sorted(secrets_in(self.args), key=len, reverse=True)
        line = " ".join(_quoted(_shown_word(word, hidden)) for word in (self.command, *self.args))
        where = f" in {self.cwd}" if self.cwd else ""
        names = ", ".join(name for name, _ in self.env)
        return f"runs {line}{where}" + (f" with the variables {names}" if names else "")


def _quoted(word: str) -> str:
    plain = word.isascii() and word.isprintable() and not set(word) & set(" \"'\\`;&|<>()")
    return word if plain and word else json.dumps(word)


def _shown_word(word: str, hidden: Sequence[str]) -> str:
    for secret in hidden:
        word = word.replace(secret, HIDDEN)
    return redact(word)


def _shown_url(url: str) -> str:
    """An address without what may be secret in it; some services put a key into the path."""
    if not url.lower().startswith(("http://", "https://")):
        return redact(url.partition("?")[0])  # it begins with a variable
    scheme, _, rest = url.partition("://")
    address, mark, _ = rest.partition("?")
    host, *path = address.partition("#")[0].split("/")
    shown = [HIDDEN if _KEY.fullmatch(part) else part for part in path]
    return f"{scheme}://{'/'.join((host.rpartition('@')[2], *shown))}" + ("?…" if mark else "")
