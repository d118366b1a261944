"""A server as its file describes it, before any variable is put in and before anything runs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from toolkit.compact import redact

if TYPE_CHECKING:
    from pathlib import Path


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
        line = " ".join(_quoted(redact(word)) for word in (self.command, *self.args))
        where = f" in {self.cwd}" if self.cwd else ""
        names = ", ".join(name for name, _ in self.env)
        return f"runs {line}{where}" + (f" with the variables {names}" if names else "")


def _quoted(word: str) -> str:
    plain = word.isascii() and word.isprintable() and not set(word) & set(" \"'\\`;&|<>()")
    return word if plain and word else json.dumps(word)


def _shown_url(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" + ("?…" if parts.query else "")
