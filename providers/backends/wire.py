"""What comes over the wire is bounded, comes from whom it was asked, and is the protocol that was asked for.

Every HTTP client of a backend is made with `wire_options`. Answers are looked at before any client reads
them: a server that is broken or hostile may send without end, or a login page, or the request elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from providers.place import client_options
from providers.protocol import ModelError
from providers.scrub import one_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Protocol = Literal["events", "lines", "frames", "json"]
"""How an answer streams: server-sent events, lines of JSON, AWS's frames; or not at all."""

MOST_OF_ERROR: Final = 64_000
"""Bytes that are read of an error; the rest is left."""
MOST_OF_LINE: Final = 8_000_000
"""Bytes that may come without a line break."""
MOST: Final = 256_000_000
"""Bytes that a whole answer may have."""
# Nobody is asked to compress; what is compressed all the same may be a thousand times as large.
_MOST_COMPRESSED: Final = 1_000_000

_LONGEST_FIELD: Final = 16
_FIELDS: Final = (b"data:", b"event:", b"id:", b"retry:", b":")
_NOT_FRAMES: Final = ("text/html", "application/json", "text/plain")


def wire_options(url: str | None, protocol: Protocol) -> dict[str, Any]:
    """Give the arguments for an HTTP client of httpx or httpx2.

    Args:
        url: The server's address; see `client_options`.
        protocol: How answers to requests for text come.
    """

    async def look(response: Any) -> None:  # noqa: ANN401 - of httpx or httpx2
        _refuse_redirect(response)
        if not response.is_error:
            _refuse_other_protocol(response, protocol)
        response.stream = _bounded(response, protocol)

    return client_options(url) | {"event_hooks": {"response": [look]}}


def _refuse_redirect(response: Any) -> None:  # noqa: ANN401
    """A redirect would take the conversation to a machine that nobody named."""
    if not response.is_redirect:
        return
    asked, place = response.request.url, response.headers.get("location", "")
    try:
        parts = urlsplit(str(asked.join(place)))
        shown = one_line(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", longest=150)
    except Exception:  # noqa: BLE001 - whatever cannot be read as an address
        shown = "an address that is none"
    raise ModelError(
        "not_found",
        f"{asked.host} sends the request on to {shown}, and it is not sent there; "
        "if that is the right server, write its address as the base URL.",
    )


def _refuse_other_protocol(response: Any, protocol: Protocol) -> None:  # noqa: ANN401
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_frames = protocol == "frames" and response.request.url.path.endswith("/converse-stream")
    if response.status_code == 204 or kind == "text/html" or (is_frames and kind in _NOT_FRAMES):  # noqa: PLR2004
        raise _malformed(response)


def _malformed(response: Any) -> ModelError:  # noqa: ANN401
    url = response.request.url
    return ModelError(
        "malformed",
        f"{url.host} sent something that is not the protocol (at {one_line(url.path, longest=80)}); "
        "is the base URL that of an API?",
    )


@dataclass(slots=True)
class _Watched:
    """The body of one answer as it comes in; clients may iterate it more than once, to drain the rest."""

    response: Any
    stream: Any
    is_coded: bool
    is_events: bool
    came: int = 0
    line: int = 0
    begin: bytes = b""

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give what comes, until the protocol is broken or the answer too large.

        Raises:
            ModelError: When it is.
        """
        async for piece in self.stream:
            self._count(piece)
            yield piece
        if self.is_events and not self.begin.startswith(_FIELDS):
            raise _malformed(self.response)

    async def beginning(self) -> AsyncIterator[bytes]:
        """Give as much of an error as anybody reads."""
        async for piece in self.stream:
            yield piece[: MOST_OF_ERROR - self.came]
            self.came += len(piece)
            if self.came >= MOST_OF_ERROR:
                return

    def _count(self, piece: bytes) -> None:
        self.came += len(piece)
        end = piece.rfind(b"\n")
        self.line = len(piece) - end - 1 if end >= 0 else self.line + len(piece)
        if self.line > MOST_OF_LINE or self.came > (_MOST_COMPRESSED if self.is_coded else MOST):
            raise _malformed(self.response)
        if self.is_events and len(self.begin) < _LONGEST_FIELD:
            self.begin = (self.begin + piece).lstrip(b"\xef\xbb\xbf\r\n\t ")[:_LONGEST_FIELD]
            if self.begin.startswith((b"{", b"[", b"<")):
                raise _malformed(self.response)


def _bounded(response: Any, protocol: Protocol) -> Any:  # noqa: ANN401
    """Put a stream before the response's own that ends, or fails, where no more may come."""
    stream = response.stream
    is_coded = response.headers.get("content-encoding", "identity").strip().lower() != "identity"
    is_events = protocol == "events" and not response.is_error and not is_coded and _asks_for_stream(response)
    watched = _Watched(response, stream, is_coded, is_events)
    # The client demands a stream of its own library's kind.
    base = next(kind for kind in type(stream).__mro__ if kind.__name__ == "AsyncByteStream")
    give = watched.beginning if response.is_error else watched.pieces
    body = {"__aiter__": lambda _self: give(), "aclose": lambda _self: stream.aclose()}
    return type("BoundedStream", (base,), body)()


def _asks_for_stream(response: Any) -> bool:  # noqa: ANN401
    """Tell whether the request asked for a stream; inside a JSON text the quotes would be escaped."""
    try:
        content: bytes = response.request.content
    except Exception:  # noqa: BLE001 - a body that was streamed is none of ours
        return False
    return b'"stream":true' in content or b'"stream": true' in content
