"""The tool `fetch_page`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from toolkit.protocol import Arguments, Tool, ToolInfo, ToolText
from toolkit.web.fetching import fetch
from toolkit.web.readable import readable

if TYPE_CHECKING:
    from toolkit.services import Services
    from toolkit.web.policy import WebPolicy

INFO = ToolInfo(
    name="fetch_page",
    description="Fetch a page of an allowed host by http or https: HTML as its text, text and JSON as is.",
    category="web",
    effect="network",
    extras=("tools",),
    services=("web",),
    cost="cheap",
    timeout_s=30,
    max_chars=30_000,
)


class FetchArguments(Arguments):
    """Which page."""

    url: str = Field(min_length=1, max_length=4096, description="Such as https://example.com/page.")


def make(services: Services) -> Tool[FetchArguments]:
    """Make the tool for `services["web"]`."""
    policy = services["web"]
    return Tool(INFO, FetchArguments, lambda arguments: _fetch(arguments.url, policy))


async def _fetch(url: str, policy: WebPolicy) -> ToolText:
    page = await fetch(url, policy)
    note = f"From {page.url[:100]}"
    if page.is_cut:
        note += f"; only the first {policy.max_bytes} bytes were read"
    return ToolText(readable(page) or "The page has no text.", note)
