"""One page over HTTP: each hop is checked, goes to the address that was checked, and is bounded."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from toolkit.protocol import ToolError
from toolkit.web.policy import host_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import httpx

    from toolkit.web.policy import Address, WebPolicy

_REDIRECTS = (301, 302, 303, 307, 308)
_PACKED = ("gzip", "x-gzip")
_ANY_GZIP = zlib.MAX_WBITS | 16
_AGENT = "Duograph (a tool that fetches pages for a language model)"


@dataclass(frozen=True)
class Page:
    """What a server sent.

    Attributes:
        url: Where it came from, after redirects.
        content_type: As the server said, in small letters, without parameters.
        charset: As the server said, or empty.
        body: Unpacked; of a long one the beginning.
        is_cut: Whether there was more.
    """

    url: str
    content_type: str
    charset: str
    body: bytes
    is_cut: bool


async def fetch(address: str, policy: WebPolicy) -> Page:
    """Fetch a page.

    Raises:
        ToolError: When it may not be fetched, or cannot be.
    """
    import httpx  # noqa: PLC0415 - heavy

    try:
        async with asyncio.timeout(policy.timeout_s):
            return await _follow(httpx.URL(address), policy)
    except TimeoutError as error:
        raise ToolError(f"The page did not come within {policy.timeout_s:g} s.") from error
    except httpx.InvalidURL as error:
        raise ToolError("That is no address of a page.") from error
    except httpx.HTTPError as error:
        raise ToolError(f"The page could not be fetched ({type(error).__name__}).") from error
    except UnicodeError as error:
        raise ToolError("That is no address of a page.") from error


async def _follow(url: httpx.URL, policy: WebPolicy) -> Page:
    """Fetch, and go where the server sends us, as often as may be; each time all is checked anew."""
    for _ in range(policy.max_redirects + 1):
        policy.check_url(url)
        found = await _hop(url, await policy.check_addresses(url), policy)
        if isinstance(found, Page):
            return found
        url = url.join(found)
    raise ToolError(f"The page sends us on more than {policy.max_redirects} times.")


async def _hop(url: httpx.URL, addresses: Sequence[Address], policy: WebPolicy) -> Page | str:
    """Give the page, or where it is said to be.

    The address stands in the URL, so nobody resolves again; the name goes into `Host` and, for TLS, is what
    the server must prove to be. No proxy is used: it would resolve the name itself.
    """
    import httpx  # noqa: PLC0415 - heavy

    headers = {"Host": url.netloc.decode("ascii"), "Accept-Encoding": "gzip", "User-Agent": _AGENT}
    extensions = {"sni_hostname": host_of(url)}
    verify = policy.ssl_context or url.scheme == "https"  # for plain http no authorities need to be loaded
    async with httpx.AsyncClient(trust_env=False, verify=verify, timeout=policy.timeout_s) as client:
        for number, address in enumerate(addresses, 1):
            there = url.copy_with(host=str(address))
            request = client.build_request("GET", there, headers=headers, extensions=extensions)
            try:
                response = await client.send(request, stream=True)
            except httpx.ConnectError:
                if number == len(addresses):
                    raise
                continue
            try:
                return await _received(url, response, policy.max_bytes)
            finally:
                await response.aclose()
    raise AssertionError("there is at least one address")


async def _received(url: httpx.URL, response: httpx.Response, max_bytes: int) -> Page | str:
    if response.status_code in _REDIRECTS and (target := response.headers.get("location")):
        return str(target)
    if response.status_code != HTTPStatus.OK:
        raise ToolError(f"{host_of(url)} answered {response.status_code} instead of a page.")
    kind, _, parameters = response.headers.get("content-type", "").partition(";")
    content_type = kind.strip().lower()
    if not _is_text(content_type):
        raise ToolError(f"That is no text but {content_type or 'of no known type'}, so it is not read.")
    body, is_cut = await _body(response, max_bytes)
    charset = parameters.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    return Page(str(url), content_type, charset, body, is_cut)


def _is_text(content_type: str) -> bool:
    kinds = ("application/json", "application/xhtml+xml", "application/xml", "application/x-ndjson")
    return (
        content_type.startswith("text/") or content_type in kinds or content_type.endswith(("+json", "+xml"))
    )


async def _body(response: httpx.Response, max_bytes: int) -> tuple[bytes, bool]:
    """Read until the limit; unpack no more than that, whatever a small body would unpack to."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", *_PACKED):
        raise ToolError(f"The page is packed as {encoding[:40]}, which was not asked for.")
    pieces = _unpacked(response, max_bytes + 1) if encoding in _PACKED else response.aiter_raw()
    body, received = bytearray(), 0
    async for piece in pieces:
        body += piece
        received += len(piece)
        if received > max_bytes:
            break
    return bytes(body[:max_bytes]), received > max_bytes


async def _unpacked(response: httpx.Response, room: int) -> AsyncIterator[bytes]:
    unpacker = zlib.decompressobj(_ANY_GZIP)
    packed_room = room  # an endless body may unpack to nothing
    try:
        async for packed in response.aiter_raw():
            packed_room -= len(packed)
            piece = unpacker.decompress(packed, room)
            room -= len(piece)
            yield piece
            if unpacker.eof or room <= 0:
                return
            if packed_room < 0:
                raise ToolError("The page is packed in a way that makes it larger.")
    except zlib.error as error:
        raise ToolError("The page is packed, and broken.") from error
