"""Brings every exception of a backend down to a `ModelError`: its kind, and one sentence of advice.

Classes are known by name and status code, so that no client library is imported for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from providers.protocol import ErrorKind, ModelError
from providers.scrub import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATUS: dict[int, ErrorKind] = {
    401: "auth",
    403: "auth",
    404: "not_found",
    408: "timeout",
    413: "context_overflow",
    429: "rate_limit",
    504: "timeout",
}

_OVERFLOW_WORDS = (
    "context_length_exceeded",
    "context length",
    "context window",
    "prompt is too long",
    "input tokens exceed",
    "maximum context",
)

# The first row with a name from the exception's family decides; names are those of httpx, httpx2, httpcore,
# openai and langchain-core.
_NAMES: tuple[tuple[ErrorKind, frozenset[str]], ...] = (
    ("context_overflow", frozenset({"ContextOverflowError"})),
    ("auth", frozenset({"AuthenticationError", "ModelAuthenticationError", "PermissionDeniedError"})),
    ("not_found", frozenset({"NotFoundError", "ModelNotFoundError"})),
    ("rate_limit", frozenset({"RateLimitError", "ModelRateLimitError"})),
    ("timeout", frozenset({"TimeoutError", "TimeoutException", "APITimeoutError", "ModelTimeoutError"})),
    ("cut_stream", frozenset({"RemoteProtocolError", "ReadError", "IncompleteReadError", "IncompleteRead"})),
    ("connection", frozenset({"ConnectError", "ConnectionError", "gaierror", "WriteError", "ProxyError"})),
    ("malformed", frozenset({"JSONDecodeError", "UnicodeDecodeError", "APIResponseValidationError"})),
    ("overloaded", frozenset({"InternalServerError", "ModelAPIError"})),
    ("connection", frozenset({"APIConnectionError", "ModelConnectionError"})),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """Who was asked, for the advice in a message.

    Attributes:
        model: The model id.
        url: The server's address, or None for a model in this process.
        key_variable: The environment variable that holds its key, or empty.
        timeout_s: Seconds the attempt was given.
        secrets: Values that no message may hold.
    """

    model: str
    url: str | None = None
    key_variable: str = ""
    timeout_s: float = 0.0
    secrets: tuple[str, ...] = ()

    @property
    def server(self) -> str:
        """`host:port`, or words for a model in this process."""
        if self.url is None:
            return "this process"
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return f"{parts.hostname}:{port}"


def classify(error: BaseException, target: Target) -> ModelError:
    """Say how a model failed and what to do.

    Args:
        error: Anything that a backend raised; a `ModelError` keeps its kind.
        target: Who was asked.

    Returns:
        The error to record; its message is one line without secrets.
    """
    if isinstance(error, ModelError):
        return ModelError(error.kind, one_line(str(error), target.secrets))
    kind = _kind(error)
    return ModelError(kind, one_line(_advice(kind, error, target), target.secrets, longest=400))


def _family(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what caused it, nearest first."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _kind(error: BaseException) -> ErrorKind:
    family = list(_family(error))
    if "No generation chunks were returned" in str(error):
        return "empty"
    status = _status(error)
    words = _words(error)
    refused = status in (None, 400, 413, 422)
    if refused and any(phrase in words for phrase in _OVERFLOW_WORDS):
        return "context_overflow"
    if status is not None:
        return _STATUS.get(status) or ("overloaded" if status >= 500 else "unknown")  # noqa: PLR2004
    names = {cls.__name__ for member in family for cls in type(member).__mro__}
    for kind, known in _NAMES:
        if names & known:
            return kind
    return _kind_of_code(error)


def _status(error: BaseException) -> int | None:
    for member in _family(error):
        for holder in (member, getattr(member, "response", None)):
            status = getattr(holder, "status_code", None)
            # A stream that breaks carries the 200 it began with.
            if isinstance(status, int) and status >= 400:  # noqa: PLR2004
                return status
    return None


def _kind_of_code(error: BaseException) -> ErrorKind:
    """Read the error object that a server put into an open stream, where no status can tell."""
    words = _words(error)
    codes: tuple[tuple[str, ErrorKind], ...] = (
        ("rate_limit", "rate_limit"),
        ("insufficient_quota", "rate_limit"),
        ("overloaded", "overloaded"),
        ("server_error", "overloaded"),
        ("invalid_api_key", "auth"),
        ("model_not_found", "not_found"),
    )
    return next((kind for code, kind in codes if code in words), "unknown")


def _words(error: BaseException) -> str:
    """Return all that the error says, with the error object that the server sent."""
    body = getattr(error, "body", None)
    return f"{error} {body}".lower() if isinstance(body, dict) else str(error).lower()


def _advice(kind: ErrorKind, error: BaseException, target: Target) -> str:
    at = target.server
    if kind == "rate_limit" and "insufficient_quota" in _words(error):
        return f"the account at {at} has no quota left; check its billing."
    advice: dict[ErrorKind, str] = {
        "auth": f"{at} refused the key or this model; check {target.key_variable or 'the key'}.",
        "not_found": f"no model {target.model!r} at {target.url or at}; "
        "check the name and the base URL, or pull the model there.",
        "rate_limit": f"{at} limits the rate; wait, or name a second model in the chain.",
        "overloaded": f"{at} cannot serve now ({_short(error, target)}); try later, or name a second model.",
        "timeout": f"no complete answer within {target.timeout_s:g} s; "
        "raise the timeout or use a faster model.",
        "connection": f"cannot connect to {at}; is the server running and the address right?",
        "context_overflow": f"the conversation is too long for {target.model!r}; shorten it or start anew.",
        "malformed": f"{at} sent something that is not the protocol; is the base URL that of an API?",
        "cut_stream": f"{at} broke off in the middle of the answer; try again.",
        "empty": "it answered with nothing; try again or use another model.",
        "unknown": _short(error, target),
    }
    return advice[kind]


def _short(error: BaseException, target: Target) -> str:
    return f"{type(error).__name__}: {one_line(str(error), target.secrets)}"
