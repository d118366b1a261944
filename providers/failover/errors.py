"""Brings every exception of a backend down to a `ModelError`: its kind, and one sentence of advice.

Classes are known by name and status code, so that no client library is imported for it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from providers.failover.retry_after import asked_wait_s
from providers.protocol import NEVER, ErrorKind, ModelError, NoToolsError
from providers.scrub import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATUS: dict[int, ErrorKind] = {
    401: "auth",
    402: "rate_limit",
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

_FILTER_WORDS = ("content_filter", "content_policy_violation", "responsibleaipolicyviolation")
_QUOTA_WORDS = ("insufficient_quota", "credit balance is too low")

# The first row with a name from the exception's family decides; names are those of httpx, httpx2, httpcore,
# openai, anthropic, ollama, botocore and langchain-core.
_NAMES: tuple[tuple[ErrorKind, frozenset[str]], ...] = (
    ("context_overflow", frozenset({"ContextOverflowError"})),
    ("cancelled", frozenset({"CancelledError"})),
    ("refusal", frozenset({"OpenAIRefusalError", "ContentFilterFinishReasonError"})),
    ("auth", frozenset({"AuthenticationError", "ModelAuthenticationError", "PermissionDeniedError",
                        "NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError"})),
    ("not_found", frozenset({"NotFoundError", "ModelNotFoundError"})),
    ("rate_limit", frozenset({"RateLimitError", "ModelRateLimitError"})),
    ("timeout", frozenset({"TimeoutError", "TimeoutException", "APITimeoutError", "ModelTimeoutError",
                           "ReadTimeoutError", "ConnectTimeoutError"})),
    # A client may wrap the next one into an error of the connection.
    ("malformed", frozenset({"DecodingError"})),
    ("cut_stream", frozenset({"RemoteProtocolError", "ReadError", "IncompleteReadError", "IncompleteRead",
                              "ConnectionClosedError", "ResponseStreamingError"})),
    ("connection", frozenset({"ConnectError", "ConnectionError", "gaierror", "WriteError", "ProxyError"})),
    ("malformed", frozenset({"JSONDecodeError", "UnicodeDecodeError", "APIResponseValidationError"})),
    ("overloaded", frozenset({"InternalServerError", "ModelAPIError"})),
    ("connection", frozenset({"APIConnectionError", "ModelConnectionError", "EndpointConnectionError"})),
)  # fmt: skip

# What reading an answer raises that is not of the form that its API has.
_NONSENSE = (AttributeError, TypeError, LookupError, ValidationError)

_CONNECT_TIMEOUTS = frozenset({"ConnectTimeout", "ConnectTimeoutError", "PoolTimeout"})

# What a server calls its error where no status can tell, as in an open stream: OpenAI, Anthropic, Bedrock,
# whose codes come as `response["Error"]["Code"]`. The first that is in the words decides.
_CODES: tuple[tuple[str, ErrorKind], ...] = (
    ("rate_limit", "rate_limit"),
    ("insufficient_quota", "rate_limit"),
    ("throttlingexception", "rate_limit"),
    ("toomanyrequestsexception", "rate_limit"),
    ("servicequotaexceededexception", "rate_limit"),
    ("overloaded", "overloaded"),
    ("modelnotreadyexception", "overloaded"),
    ("serviceunavailableexception", "overloaded"),
    ("internalserverexception", "overloaded"),
    ("modelerrorexception", "overloaded"),
    ("server_error", "overloaded"),
    ("api_error", "overloaded"),
    ("modeltimeoutexception", "timeout"),
    ("timeout_error", "timeout"),
    ("modelstreamerrorexception", "cut_stream"),
    ("accessdeniedexception", "auth"),
    ("expiredtoken", "auth"),
    ("unrecognizedclientexception", "auth"),
    ("invalidsignatureexception", "auth"),
    ("invalid_api_key", "auth"),
    ("authentication_error", "auth"),
    ("permission_error", "auth"),
    ("model_not_found", "not_found"),
    ("not_found_error", "not_found"),
    ("resourcenotfoundexception", "not_found"),
    ("model identifier is invalid", "not_found"),
    ("on-demand throughput", "not_found"),
    ("request_too_large", "context_overflow"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """Who was asked, for the advice in a message.

    Attributes:
        model: The model id.
        url: The server's address, or None for a model in this process.
        key_variable: The environment variable that holds its key, or empty.
        timeout_s: Seconds the attempt was given.
        secrets: Values that no message may hold.
        connect_s: Seconds the connection was given.
    """

    model: str
    url: str | None = None
    key_variable: str = ""
    timeout_s: float = 0.0
    secrets: tuple[str, ...] = field(default=(), repr=False)
    connect_s: float = 0.0

    @property
    def server(self) -> str:
        """`host:port`, or words for a model in this process."""
        if self.url is None:
            return "this process"
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return f"{parts.hostname}:{port}"


def classify(error: BaseException, target: Target, *, now: float | None = None) -> ModelError:
    """Say how a model failed, what to do, and how long the server asked to wait.

    Args:
        error: Anything that a backend raised; a `ModelError` keeps its kind.
        target: Who was asked.
        now: Seconds since 1970, for a `Retry-After` that is a date; by default the time it is.

    Returns:
        The error to record; its message is one line without secrets.
    """
    # A client may have wrapped it into an error of its own.
    own = next((member for member in _family(error) if isinstance(member, ModelError)), None)
    if own is not None:
        words = one_line(str(own), target.secrets, longest=400)
        if isinstance(own, NoToolsError):
            return NoToolsError(words, status=own.status)
        return ModelError(own.kind, words, own.retry_after_s, status=own.status)
    kind = _kind(error)
    if kind == "unknown" and target.url is not None and isinstance(error, _NONSENSE):
        kind = "malformed"
    wait = _asked_wait_s(error, time.time() if now is None else now)
    if _is_unpaid(error):
        wait = NEVER
    words = one_line(_advice(kind, error, target), target.secrets, longest=400)
    return ModelError(kind, words, wait, status=_status(error))


def _family(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what caused it, nearest first."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _kind(error: BaseException) -> ErrorKind:
    if "No generation chunks were returned" in str(error):
        return "empty"
    status = _status(error)
    if (kind := _kind_of_words(error, status)) is not None:
        return kind
    if status is not None:
        return _STATUS.get(status) or ("overloaded" if status >= 500 else "unknown")  # noqa: PLR2004
    names = {cls.__name__ for member in _family(error) for cls in type(member).__mro__}
    return next((kind for kind, known in _NAMES if names & known), None) or _kind_of_code(error)


def _kind_of_words(error: BaseException, status: int | None) -> ErrorKind | None:
    """Read what a status alone does not tell, or tells wrongly."""
    if status in (None, 400, 413, 422) and _says(error, _OVERFLOW_WORDS):
        return "context_overflow"
    if status in (None, 400, 403) and _says(error, _FILTER_WORDS):
        return "refusal"
    if status in (None, 400) and _says(error, _QUOTA_WORDS):
        return "rate_limit"
    kind = _kind_of_code(error)
    # Bedrock refuses with 400 and 424 what others have a status for.
    return kind if status in (400, 424) and kind != "unknown" else None


def _status(error: BaseException) -> int | None:
    for member in _family(error):
        response = getattr(member, "response", None)
        aws = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
        for status in (
            getattr(member, "status_code", None),
            getattr(response, "status_code", None),
            aws.get("HTTPStatusCode"),
        ):
            # A stream that breaks carries the 200 it began with.
            if isinstance(status, int) and status >= 400:  # noqa: PLR2004
                return status
    return None


def _asked_wait_s(error: BaseException, now: float) -> float | None:
    """Read the headers of the response that came with the error."""
    for member in _family(error):
        response = getattr(member, "response", None)
        headers = getattr(response, "headers", None)
        if isinstance(response, dict):
            headers = response.get("ResponseMetadata", {}).get("HTTPHeaders")
        if isinstance(headers, Mapping):
            return asked_wait_s({str(name): str(value) for name, value in headers.items()}, now=now)
    return None


def _kind_of_code(error: BaseException) -> ErrorKind:
    """Read the error object that a server put into an open stream, where no status can tell."""
    words = _words(error)
    return next((kind for code, kind in _CODES if code in words), "unknown")


def _says(error: BaseException, phrases: tuple[str, ...]) -> bool:
    words = _words(error)
    return any(phrase in words for phrase in phrases)


def _is_unpaid(error: BaseException) -> bool:
    return _status(error) == 402 or _says(error, _QUOTA_WORDS)  # noqa: PLR2004 - Payment Required


def _words(error: BaseException) -> str:
    """Return all that the error says, with the error object that the server sent."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    return f"{error} {_body(error)} {code}".lower()


def _body(error: BaseException) -> object:
    """Return what the server said in its error's body: as the client read it, or as it still stands there."""
    body = getattr(error, "body", None)
    if body is None and type(error).__name__ == "HTTPStatusError":
        response: Any = getattr(error, "response", None)
        try:
            body = response.json()
        except Exception:  # noqa: BLE001 - it is no JSON, or was not read
            return ""
    return body if isinstance(body, dict | str) else ""


def _advice(kind: ErrorKind, error: BaseException, target: Target) -> str:
    at = target.server
    if kind == "timeout" and _CONNECT_TIMEOUTS & {type(member).__name__ for member in _family(error)}:
        return f"no connection to {at} within {target.connect_s:g} s; is the address right?"
    if kind == "rate_limit" and _is_unpaid(error):
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
        "refusal": f"the content filter at {at} refused; word the request in another way.",
        "cancelled": "it was cancelled from within the backend; try again.",
        "unknown": _short(error, target),
    }
    return advice[kind]


def _short(error: BaseException, target: Target) -> str:
    said = _body(error)
    while isinstance(said, dict):
        said = said.get("error") or said.get("message") or ""
    words = str(error)
    if said and str(said) not in words:
        # Of a status without words of its own, httpx only says where to read about statuses.
        words = str(said) if type(error).__name__ == "HTTPStatusError" else f"{words} {said}"
    if not words.strip() and (status := _status(error)) is not None:
        words = f"HTTP {status}"
    return f"{type(error).__name__}: {one_line(words, target.secrets)}"
