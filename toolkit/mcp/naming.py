"""Names of tools as models call them: the same for the same tool, whatever else there is."""

from __future__ import annotations

import hashlib
import re
from typing import Final

_MAX: Final = 64
_JOINT: Final = "__"
_DIGEST: Final = 8
_ODD: Final = re.compile(r"[^A-Za-z0-9_-]")


def families_of(server: str) -> tuple[str, ...]:
    """Give the beginnings of all names that tools of a server can have, before it announced any."""
    kept = f"{server}{_JOINT}"
    return (kept,) if kept == _odd_head(server) else (kept, _odd_head(server))


def name_of(server: str, tool: str) -> str:
    """Give the name of a server's tool: a letter, then letters, digits, `_` and `-`; 64 at most.

    A name that cannot be had as it is, or could be that of another, gets a digest of both parts, so that it
    depends on no other tool and two are never the same but by a collision of digests. No tool that is built
    in has two underscores in its name.
    """
    plain = f"{server}{_JOINT}{tool}"
    is_clear = (
        server[:1].isascii()
        and server[:1].isalpha()
        and not _ODD.search(plain)
        and len(plain) <= _MAX
        and plain.count(_JOINT) == 1
        and not server.endswith("_")
        and not tool.startswith("_")
        and tool
    )
    if is_clear:
        return plain
    digest = hashlib.sha256(f"{len(server)} {server}{tool}".encode(errors="surrogatepass")).hexdigest()
    head = _odd_head(server)
    kept = _ODD.sub("_", tool)[: _MAX - len(head) - _DIGEST - 1]
    return f"{head}{kept}_{digest[:_DIGEST]}"


def _odd_head(server: str) -> str:
    head = _ODD.sub("_", server)[:20]
    return f"{head}{_JOINT}" if head[:1].isalpha() else f"s{head}{_JOINT}"
