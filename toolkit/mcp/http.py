"""Asking a server over HTTP: at its own address only, bounded, and with errors that reach the very call."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from toolkit.mcp.events import Events, passed_on
from toolkit.protocol import ToolError

UNANSWERED: Final = -32097
"""The code of an error that stands for an answer over HTTP which was none; its text is ours."""
EXPIRED: Final = -32096
"""The same, when the server has forgotten the session."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_STREAMS: Final = 10
"""How often a stream is opened after one call, at most."""
_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream"
_BAD_HEADER: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


@dataclass(frozen=True)
class Bounds:
    """How much one answer may take.

    Attributes:
        connect_s: Seconds until there is a connection.
        answer_s: Seconds that an answer to a message of ours may take in all.
        max_bytes: What is read of it.
        max_stream_bytes: What is read of the stream that is open all the time.
    """

    connect_s: float
    answer_s: float
    max_bytes: int
    max_stream_bytes: int


def check_url(url: str, headers: Mapping[str, str], server: str) -> None:
    """Refuse an address that headers must not be sent to.

    Raises:
        ToolError: With the fix.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ToolError(f"The MCP server {server} has no http or https address: correct its url.")
    if (
        parts.scheme == "http"
        and parts.hostname not in _LOOPBACK
        and (headers or parts.query or parts.password)
    ):
        raise ToolError(f"The MCP server {server} would be sent secrets in the clear: use https in its url.")
    for name, value in headers.items():
        if _BAD_HEADER.search(value):
            raise ToolError(
                f"The MCP server {server}: headers.{name} has a character that no header may have."
            )


def without_secrets(url: str) -> str:
    """Give the address as libraries may log it."""
    return str(httpx.URL(url).copy_with(userinfo=b"", query=None, fragment=None))


def client_factory(url: str, headers: Mapping[str, str], bounds: Bounds) -> Callable[..., httpx.AsyncClient]:
    """Give what makes the client of one session; what is secret is added below all that logs."""

    def make(**_given: object) -> httpx.AsyncClient:
        transport = _Careful(httpx.URL(url), headers, bounds)
        timeout = httpx.Timeout(bounds.connect_s, read=None)  # `_Careful` watches the clock
        return httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False, max_redirects=3)

    return make


class _Careful(httpx.AsyncBaseTransport):
    """Turns whatever a server or the network does into an answer that the session can take."""

    def __init__(self, url: httpx.URL, headers: Mapping[str, str], bounds: Bounds) -> None:
        # No proxy is asked, and redirects are left to the session, which stays with the host.
        self._inner = httpx.AsyncHTTPTransport(verify=httpx.create_ssl_context())
        self._url = url
        self._headers = dict(headers)
        self._bounds = bounds
        self._streams = 0
        self._streamed = 0

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked = await _id_of(request)
        if asked is not None:
            self._streams = 0
        try:
            async with asyncio.timeout(self._bounds.answer_s if request.method != "GET" else None):
                answer = await self._inner.handle_async_request(self._addressed(request))
        except (httpx.HTTPError, OSError, ToolError) as error:
            return _refusal(asked, _in_words(error, self._bounds), UNANSWERED, request)
        if request.method != "POST":
            return _response(answer, self._bounded(answer, self._bounds.max_stream_bytes, None), request)
        wrong = self._wrong(answer, request)
        if wrong is None and asked is not None:
            if _type_of(answer) == _EVENTS:
                return _response(answer, self._bounded(answer, self._bounds.max_bytes, asked), request)
            return await self._whole(answer, asked, request)
        await answer.aclose()
        if wrong is None:
            return httpx.Response(HTTPStatus.ACCEPTED, request=request)
        return self._same_host(answer, request) or _refusal(asked, *wrong, request)

    def _has_streamed_enough(self) -> bool:
        """Whether a stream is not opened any more: the session would do it for ever, once in a second."""
        self._streams += 1
        return self._streams > _MAX_STREAMS or self._streamed > self._bounds.max_stream_bytes

    def _addressed(self, request: httpx.Request) -> httpx.Request:
        """The same with its secrets, if it goes where they belong."""
        if request.method == "GET" and self._has_streamed_enough():
            raise ToolError("has streamed more than is heard")
        if _origin(request.url) != _origin(self._url):
            raise ToolError("would be asked at another address than its own")
        url = request.url.copy_with(query=self._url.query or None)
        headers = httpx.Headers(request.headers)
        headers.update(self._headers)
        if self._url.userinfo:
            login = f"{self._url.username}:{self._url.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
        headers["Accept-Encoding"] = "identity"  # nothing is unpacked, so nothing can burst
        return httpx.Request(
            request.method, url, headers=headers, stream=request.stream, extensions=request.extensions
        )

    def _same_host(self, answer: httpx.Response, request: httpx.Request) -> httpx.Response | None:
        """A redirect that the session may follow: to another path here, with what was sent."""
        if answer.status_code not in {HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT}:
            return None
        try:
            place = request.url.join(answer.headers.get("location", ""))
        except httpx.InvalidURL:
            return None
        if _origin(place) != _origin(self._url) or place.path == request.url.path:
            return None
        headers = {"Location": str(place.copy_with(userinfo=b"", query=None, fragment=None))}
        return httpx.Response(answer.status_code, headers=headers, request=request)

    def _wrong(self, answer: httpx.Response, request: httpx.Request) -> tuple[str, int] | None:
        """Say what is wrong with how an answer begins, and its code."""
        status, why = answer.status_code, None
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            why = f"answered {status}: it wants a login, so check what headers of the file send"
        elif status == HTTPStatus.NOT_FOUND:
            if "mcp-session-id" in request.headers:
                return "has forgotten us", EXPIRED
            why = "answered 404: there is no MCP server at its address"
        elif status >= HTTPStatus.BAD_REQUEST:
            why = f"answered {status}"
        elif status >= HTTPStatus.MULTIPLE_CHOICES:
            why = (
                f"answered {status}: it sends us elsewhere; if that is right, put that address into the file"
            )
        elif answer.headers.get("content-encoding", "identity") != "identity":
            why = "packed its answer, although it was asked not to"
        return (why, UNANSWERED) if why else None

    async def _whole(
        self, answer: httpx.Response, asked: int | str, request: httpx.Request
    ) -> httpx.Response:
        body = bytearray()
        try:
            async with asyncio.timeout(self._bounds.answer_s):
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) > self._bounds.max_bytes:
                        return _refusal(asked, _too_much(self._bounds.max_bytes), UNANSWERED, request)
        except (httpx.HTTPError, OSError) as error:
            return _refusal(asked, _in_words(error, self._bounds), UNANSWERED, request)
        finally:
            await answer.aclose()
        message = passed_on(bytes(body)) if _type_of(answer) == _JSON else b""
        if not message:
            return _refusal(asked, "answered with what is not MCP", UNANSWERED, request)
        kept = {name: answer.headers[name] for name in ("mcp-session-id",) if name in answer.headers}
        headers = {"Content-Type": _JSON, **kept}
        return httpx.Response(HTTPStatus.OK, headers=headers, content=message, request=request)

    async def _bounded(
        self, answer: httpx.Response, most: int, asked: int | str | None
    ) -> AsyncIterator[bytes]:
        """The events as they come; when they end too early, one of ours that says so."""
        why, size, events = "ended its answer too early", 0, Events()
        end = None if asked is None else asyncio.get_running_loop().time() + self._bounds.answer_s
        chunks = answer.aiter_raw()
        try:
            while True:
                async with asyncio.timeout_at(end):  # around no `yield`: there the task is not ours
                    chunk = await anext(chunks)
                size += len(chunk)
                self._streamed += len(chunk) if asked is None else 0
                if size > most:
                    why, events = _too_much(most), Events()
                    break
                if ready := events.add(chunk):
                    yield ready
        except StopAsyncIteration:
            pass
        except (httpx.HTTPError, OSError) as error:
            why = _in_words(error, self._bounds)
        finally:
            await answer.aclose()
        if asked is not None and not events.can_be_resumed:
            yield b"data: " + _error(asked, why, UNANSWERED) + b"\n\n"


class _Stream(httpx.AsyncByteStream):
    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    async def aclose(self) -> None:
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()


def _response(answer: httpx.Response, chunks: AsyncIterator[bytes], request: httpx.Request) -> httpx.Response:
    return httpx.Response(answer.status_code, headers=answer.headers, stream=_Stream(chunks), request=request)


def _refusal(asked: int | str | None, why: str, code: int, request: httpx.Request) -> httpx.Response:
    """An error as the answer to a call; whatever else was sent is not answered anyway."""
    if request.method == "GET":
        return httpx.Response(HTTPStatus.METHOD_NOT_ALLOWED, request=request)  # no stream is to be had
    if asked is None:
        return httpx.Response(HTTPStatus.ACCEPTED, request=request)
    return httpx.Response(
        HTTPStatus.OK, headers={"Content-Type": _JSON}, content=_error(asked, why, code), request=request
    )


def _error(asked: int | str, why: str, code: int) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": asked, "error": {"code": code, "message": why}}).encode()


async def _id_of(request: httpx.Request) -> int | str | None:
    """The id of the call that a request carries; None when it carries none."""
    if request.method != "POST":
        return None
    message: Any = json.loads(await request.aread())  # one that follows a redirect is a stream
    asked = message.get("id") if "method" in message else None
    return asked if isinstance(asked, int | str) else None


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _type_of(answer: httpx.Response) -> str:
    return str(answer.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _too_much(most: int) -> str:
    return f"sent more than {most} bytes at once"


def _in_words(error: Exception, bounds: Bounds) -> str:
    if isinstance(error, ToolError):
        return str(error)
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return f"could not be reached within {bounds.connect_s:g} s"
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return f"did not answer within {bounds.answer_s:g} s"
    if isinstance(error, httpx.ConnectError):
        is_tls = "CERTIFICATE" in str(error).upper() or "SSL" in str(error).upper()
        return "has a certificate that is not trusted" if is_tls else "could not be reached"
    return f"broke the connection ({type(error).__name__})"
