"""Where models run: on this machine or elsewhere, and which of them is asked first."""

from __future__ import annotations

import ipaddress
import os
import ssl
from typing import TYPE_CHECKING, Any, Final, Literal, get_args
from urllib.parse import urlsplit

from providers.protocol import ModelConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from providers.backend import ModelSpec, Server

Prefer = Literal["chain", "local", "remote", "local_only", "remote_only"]
"""Which models of a chain are asked, and which of them first."""

_TRACING: Final = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2")
_IDLE: Final = ("background", "embedding")
"""Roles that no turn needs: where they are not configured, they are offline whatever is preferred."""
_TRACED_TO: Final = ("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT")


def is_on_this_machine(url: str | None) -> bool:
    """Tell whether requests to an address stay on this machine.

    Args:
        url: None is a model in this process. Of the names only `localhost` counts, and no address of a
            private network does: another machine may have it.
    """
    if url is None:
        return True
    try:
        host = (urlsplit(url).hostname or "").lower()
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def client_options(url: str | None) -> dict[str, Any]:
    """Give the arguments for an HTTP client that follows no redirect, and reaches this machine straight.

    A redirect would take a conversation to a machine that nobody named. Requests to this machine do not go
    through a proxy of the environment either.
    """
    if not is_on_this_machine(url):
        return {"follow_redirects": False}
    # Anthropic's client reads the proxies by itself, unless each of them is given.
    straight = dict.fromkeys(("http://", "https://", "all://"))
    options: dict[str, Any] = {"trust_env": False, "follow_redirects": False, "mounts": straight}
    if urlsplit(url or "").scheme == "http":
        # Nothing is encrypted there, and to read the machine's certificates takes each client 20 to 50 ms:
        # this knows none, so that it would refuse every server.
        options["verify"] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return options


def preferred(
    specs: tuple[ModelSpec, ...], prefer: Prefer, server: Callable[[ModelSpec], Server]
) -> tuple[ModelSpec, ...]:
    """Order or filter a chain; models of one kind keep their order.

    Args:
        specs: The chain.
        prefer: What is wanted.
        server: Says where a model's requests go.

    Raises:
        ModelConfigError: When a model is not on this machine and `local_only` was promised, or none is left.
    """
    if prefer == "chain":
        return specs
    local = tuple(spec for spec in specs if is_on_this_machine(server(spec).url))
    remote = tuple(spec for spec in specs if spec not in local)
    if prefer == "local_only" and remote:
        place = server(remote[0])
        source = f", from {place.source}" if place.source else ""
        raise ModelConfigError(
            f"{remote[0]} is not on this machine (its requests go to {place.url}{source}), and prefer is "
            'local_only; take it out of the chain, or choose prefer = "local".'
        )
    if prefer == "remote_only" and not remote:
        raise ModelConfigError(
            f"{local[0]} is on this machine, and prefer is remote_only; name a model that is not, "
            'or choose prefer = "remote".'
        )
    return {"local_only": local, "remote_only": remote, "local": local + remote, "remote": remote + local}[
        prefer
    ]


def preference_of(role: str, chain: str, prefer: Prefer) -> Prefer:
    """Say which preference holds for a role's chain: nobody is refused for what nobody configured.

    Args:
        role: Whose chain it is.
        chain: As it was configured; `offline` for a role that was not.
        prefer: The installation's.
    """
    return "chain" if role in _IDLE and chain.strip() == "offline" else prefer


def check_prefer(prefer: str, environment: Mapping[str, str] = os.environ) -> Prefer:
    """Check a preference, and that nothing breaks the promise of `local_only` behind our back.

    Args:
        prefer: One of `Prefer`.
        environment: Where LangSmith's tracing is switched on.

    Raises:
        ModelConfigError: When there is no such preference, or tracing would send conversations away.
    """
    found = next((known for known in get_args(Prefer) if known == prefer), None)
    if found is None:
        raise ModelConfigError(f"prefer is {prefer!r}; choose one of {', '.join(get_args(Prefer))}.")
    tracing = [name for name in _TRACING if environment.get(name, "").strip().lower() in ("true", "1")]
    place = next((environment[name] for name in _TRACED_TO if environment.get(name)), "https://langsmith")
    if found == "local_only" and tracing and not is_on_this_machine(place):
        raise ModelConfigError(
            f"{tracing[0]} is on, which sends every conversation to LangSmith, and prefer is local_only; "
            f"unset {tracing[0]}."
        )
    chosen: Prefer = found
    return chosen
