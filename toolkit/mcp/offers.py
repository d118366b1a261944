"""What a server announces, as what we offer: with a name, its own words, an effect and a fingerprint."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from toolkit.mcp.naming import name_of
from toolkit.mcp.plain import has_hidden, plain
from toolkit.mcp.schemas import SchemaError, harmless
from toolkit.protocol import Effect, ToolInfo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp.types import Tool as Announced

    from toolkit.mcp.limits import McpLimits
    from toolkit.mcp.secrets import Secrets
    from toolkit.mcp.spec import ServerSpec

_MAX_DESCRIPTION: Final = 1000
_MAX_NOTED: Final = 5
_MAX_NAME: Final = 128


@dataclass(frozen=True)
class Offer:
    """A tool of a server.

    Attributes:
        info: What models and users are told.
        called: Its name at the server.
        schema: Its arguments, made harmless.
    """

    info: ToolInfo
    called: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Offers:
    """All that a server announced and that can be offered.

    Attributes:
        by_name: By the name that models use.
        notes: A sentence on what was left out.
    """

    by_name: Mapping[str, Offer]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Announcement:
    """What a server says that it has.

    Attributes:
        tools: As many as were asked for.
        broken: The names of those that are not what MCP calls a tool.
        has_more: Whether it has more than these.
    """

    tools: Sequence[Announced]
    broken: Sequence[str] = ()
    has_more: bool = False


def offers_of(spec: ServerSpec, announcement: Announcement, limits: McpLimits, secrets: Secrets) -> Offers:
    """Make offers of what a server announced, in its order.

    Args:
        spec: The server.
        announcement: What it has.
        limits: How many are offered, and how long their schemas are.
        secrets: What must not be shown in descriptions.
    """
    found: dict[str, Offer] = {}
    room = limits.max_schemas_chars
    left = [f"{name} (it is not what MCP calls a tool)" for name in announcement.broken]
    for tool in announcement.tools[: limits.max_tools]:
        shown = plain(tool.name, 60)
        try:
            offer = _offer(spec, tool, limits, secrets)
        except SchemaError as error:
            left.append(f"{shown} ({error})")
            continue
        if offer.info.name in found:
            left.append(f"{shown} (it has the name of another)")
            continue
        room -= len(json.dumps(offer.schema))
        if room < 0:
            left.append(f"{shown} (the arguments of all take too many characters to describe)")
            break
        found[offer.info.name] = offer
    notes = []
    if left:
        more = f" and {len(left) - _MAX_NOTED} more" if len(left) > _MAX_NOTED else ""
        notes.append(f"The MCP server {spec.name}: left out {', '.join(left[:_MAX_NOTED])}{more}.")
    if announcement.has_more or len(announcement.tools) > limits.max_tools:
        notes.append(
            f"The MCP server {spec.name} announces more than {limits.max_tools} tools: the rest is left out."
        )
    return Offers(found, tuple(notes))


def _offer(spec: ServerSpec, tool: Announced, limits: McpLimits, secrets: Secrets) -> Offer:
    if not tool.name or len(tool.name) > _MAX_NAME or has_hidden(tool.name):
        raise SchemaError("its name cannot be used")
    schema = harmless(tool.inputSchema, limits.max_schema_chars)
    info = ToolInfo(
        name=name_of(spec.name, tool.name),
        description=_described(spec, tool, secrets),
        category="mcp",
        effect=_effect_of(tool),
        extras=("mcp",),
        cost="cheap",
        timeout_s=limits.call_s + limits.startup_s,  # it may have to be started first
        max_chars=limits.max_result_chars,
        source=f"MCP server {spec.name} of {spec.file}",
        fingerprint=_fingerprint_of(spec, tool),
    )
    return Offer(info, tool.name, schema)


def _described(spec: ServerSpec, tool: Announced, secrets: Secrets) -> str:
    title = (tool.annotations.title if tool.annotations else None) or tool.title or ""
    words = ". ".join(
        part for part in (plain(title, 100), plain(tool.description or "", _MAX_DESCRIPTION)) if part
    )
    said = secrets.hide_all(words) or "It says nothing about it."
    server = plain(spec.name, 60)
    return f"The tool {plain(tool.name, 100)} of the MCP server {server}, described by that server: {said}"


def _effect_of(tool: Announced) -> Effect:
    """Believe a hint only as far as the user trusts the server: silence means that it can write."""
    hints = tool.annotations
    if hints is None or hints.readOnlyHint is not True or hints.destructiveHint is True:
        return "write"
    return "network" if hints.openWorldHint is True else "read"


def _fingerprint_of(spec: ServerSpec, tool: Announced) -> str:
    """A digest of all that a person who allows a tool can go by: what changes makes another tool of it."""
    shown = tool.model_dump(mode="json", by_alias=True, exclude={"icons", "meta"})
    text = json.dumps([spec.identity, shown], sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
