"""Looks whether a model's server is there and knows the model, without asking the model anything."""

from __future__ import annotations

import asyncio
import difflib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from providers.backends.bedrock_credentials import ADVICE, Credentials, find_credentials
from providers.place import client_options
from providers.registry import PROVIDERS
from providers.scrub import one_line

if TYPE_CHECKING:
    from providers.backend import ModelSpec, Server, Wiring

Sight = Literal["in_process", "listed", "unlisted", "reached", "refused", "unreachable"]
"""What was seen: the model runs in this process; the server lists it, or others only; the server answers and
lists nothing; it refuses the key; nobody answers."""

_LARGEST = 4_000_000
_REFUSED = (401, 403)
_NEAR = 3
_CREDENTIALS_S = 8.0


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at one model's server showed.

    Attributes:
        spec: The model.
        sight: What was seen.
        url: Where its requests go, or None when it runs in this process.
        source: The environment variable that set the address, or empty.
        has_key: Whether a key goes along.
        seconds: How long the look took.
        near: Models that the server has and whose names are similar to one that it does not have.
        problem: Why nobody answered; one line without secrets.
        credentials: Of Bedrock, what signs the requests.
    """

    spec: ModelSpec
    sight: Sight
    url: str | None = None
    source: str = ""
    has_key: bool = False
    seconds: float = 0.0
    near: tuple[str, ...] = ()
    problem: str = ""
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class _Listing:
    """How a server is asked for its models.

    Attributes:
        path: Behind the base URL.
        key_header: The header that carries the key, and what stands before it.
        rows: The field that holds the models.
        name: The field of a model that holds its id.
        headers: What else is sent.
    """

    path: str = "/models"
    key_header: tuple[str, str] = ("Authorization", "Bearer ")
    rows: str = "data"
    name: str = "id"
    headers: tuple[tuple[str, str], ...] = ()


_OPENAI = _Listing()
_LISTINGS = MappingProxyType(
    {
        "anthropic": _Listing(
            "/v1/models?limit=1000", ("x-api-key", ""), headers=(("anthropic-version", "2023-06-01"),)
        ),
        "ollama": _Listing("/api/tags", rows="models", name="name"),
    }
)
_UNLISTED = frozenset({"bedrock"})
"""Backends whose requests are signed: their servers are reached, and not asked for a list."""


async def look_at(spec: ModelSpec, wiring: Wiring, *, timeout_s: float = 3.0) -> Look:
    """See whether the model's server answers, takes the key and has the model.

    At most one request is sent, a listing, which costs nothing; a key goes only where the model's own
    requests would take it. Redirects are not followed.

    Args:
        spec: The model.
        wiring: Its keys.
        timeout_s: Seconds for the whole look.

    Raises:
        ModelConfigError: When its package, key or file is missing.
    """
    row = PROVIDERS[spec.provider]
    await asyncio.to_thread(row.check, spec, wiring)
    server = row.server(spec, wiring)
    if server.url is None:
        return Look(spec, "in_process")
    started = time.perf_counter()
    try:
        async with asyncio.timeout(timeout_s):
            sight, near = await _ask(spec, server)
        problem = ""
    except TimeoutError:
        sight, near, problem = "unreachable", (), f"no answer within {timeout_s:g} s"
    except Exception as error:  # noqa: BLE001 - whatever the network raises, it is what was seen
        sight, near = "unreachable", ()
        problem = one_line(f"{type(error).__name__}: {error}", _secrets(server))
    return Look(
        spec,
        sight,
        url=one_line(_shown(server.url), _secrets(server)),
        source=server.source,
        has_key=server.key is not None,
        seconds=time.perf_counter() - started,
        near=near,
        problem=problem,
        credentials=await _credentials(spec, wiring) if spec.provider == "bedrock" else None,
    )


async def _credentials(spec: ModelSpec, wiring: Wiring) -> Credentials:
    """Find what signs the requests; a container's or machine's service that is slow must not hold us up."""
    now = datetime.now(UTC)
    try:
        async with asyncio.timeout(_CREDENTIALS_S):
            return await asyncio.to_thread(find_credentials, spec, wiring, now)
    except TimeoutError:
        return Credentials(problem=f"AWS credentials were not found within {_CREDENTIALS_S:g} s; {ADVICE}")


async def _ask(spec: ModelSpec, server: Server) -> tuple[Sight, tuple[str, ...]]:
    import httpx  # noqa: PLC0415 - heavy

    listing = _LISTINGS.get(spec.provider, _OPENAI)
    headers = dict(listing.headers)
    url = (server.url or "").rstrip("/")
    if spec.provider in _UNLISTED:
        listing, headers = _Listing(path=""), {}
    elif server.key is not None:
        name, before = listing.key_header
        headers[name] = before + server.key.get_secret_value()
    options = client_options(server.url)
    client = await asyncio.to_thread(httpx.AsyncClient, headers=headers, timeout=None, **options)
    async with client, client.stream("GET", url + listing.path) as answer:
        if spec.provider in _UNLISTED:
            return "reached", ()
        if answer.status_code in _REFUSED:
            return "refused", ()
        if answer.status_code != httpx.codes.OK:
            return "reached", ()
        body = b""
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > _LARGEST:
                return "reached", ()
    return _find(spec.model, _names(body, listing), _secrets(server))


def _names(body: bytes, listing: _Listing) -> list[str]:
    """Read the ids of a listing; none when it is not one."""
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        return []
    rows = answer.get(listing.rows) if isinstance(answer, dict) else None
    names = [row.get(listing.name) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [name for name in names if isinstance(name, str)]


def _find(model: str, names: list[str], secrets: tuple[str, ...]) -> tuple[Sight, tuple[str, ...]]:
    if not names:
        return "reached", ()
    # Ollama's list has the tag that may be left out, Google's has its collection before each name.
    if not {model, f"{model}:latest", f"models/{model}"}.isdisjoint(names):
        return "listed", ()
    near = difflib.get_close_matches(model, names, n=_NEAR, cutoff=0.5)
    return "unlisted", tuple(one_line(name, secrets, longest=80) for name in near)


def _shown(url: str) -> str:
    """Leave out of an address what may be secret: user, password, query."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that is none"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def _secrets(server: Server) -> tuple[str, ...]:
    return (server.key.get_secret_value(),) if server.key is not None else ()
