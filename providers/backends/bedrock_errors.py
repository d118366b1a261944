"""Puts what botocore raises into our errors: its kind by the service's code, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.eventstream import ParserError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from providers.protocol import ModelError
from providers.scrub import one_line

if TYPE_CHECKING:
    from providers.protocol import ErrorKind

# By the code in lower case, because a stream's own events write it so.
_KINDS: dict[str, ErrorKind] = {
    "accessdeniedexception": "auth",
    "expiredtoken": "auth",
    "expiredtokenexception": "auth",
    "incompletesignature": "auth",
    "invalidclienttokenid": "auth",
    "invalidsignatureexception": "auth",
    "missingauthenticationtoken": "auth",
    "unrecognizedclientexception": "auth",
    "resourcenotfoundexception": "not_found",
    "throttlingexception": "rate_limit",
    "servicequotaexceededexception": "rate_limit",
    "modeltimeoutexception": "timeout",
    "modelerrorexception": "overloaded",
    "modelnotreadyexception": "overloaded",
    "modelstreamerrorexception": "overloaded",
    "internalserverexception": "overloaded",
    "serviceunavailableexception": "overloaded",
}
_STATUS: dict[int, ErrorKind] = {
    401: "auth",
    403: "auth",
    404: "not_found",
    408: "timeout",
    413: "context_overflow",
    429: "rate_limit",
    504: "timeout",
}


def translate(error: Exception, model: str, region: str) -> Exception:
    """Say how Bedrock failed and what to do.

    Args:
        error: What the client raised.
        model: The id that was asked for.
        region: Where.

    Returns:
        The error to raise; one that is not the service's or the client's is given back as it is.
    """
    if isinstance(error, ClientError):
        return _refusal(error, model, region)
    if isinstance(error, NoCredentialsError | CredentialRetrievalError | SSOError | TokenRetrievalError):
        return ModelError(
            "auth",
            "no AWS credentials that work; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, "
            f"or log in with `aws sso login` ({type(error).__name__}).",
        )
    if isinstance(error, ParserError | ResponseParserError | UnicodeDecodeError):
        return ModelError(
            "malformed", "it sent something that is not Bedrock's protocol; is the endpoint right?"
        )
    if isinstance(error, ConnectionError) and "messageStop" in str(error):
        return ModelError("cut_stream", "Bedrock broke off in the middle of the answer; try again.")
    if isinstance(error, BotoCoreError):
        return ModelError("unknown", one_line(f"{type(error).__name__}: {error}"))
    return error


def _refusal(error: ClientError, model: str, region: str) -> ModelError:
    response: dict[str, Any] = dict(error.response)
    facts = response.get("Error") or {}
    code, words = str(facts.get("Code") or ""), str(facts.get("Message") or "")
    metadata = response.get("ResponseMetadata") or {}
    status = metadata.get("HTTPStatusCode") or 0
    if any(base.__name__ == "ContextOverflowError" for base in type(error).__mro__):
        return ModelError("context_overflow", f"the conversation is too long for {model!r}; shorten it.")
    if "on-demand throughput isn" in words:
        return ModelError(
            "not_found",
            f"{model!r} is served through an inference profile only; "
            f"write bedrock:global.{model}, or us., eu. or apac. before it.",
        )
    if "model identifier is invalid" in words:
        return ModelError(
            "not_found",
            f"{region} has no model {model!r}; most need a prefix for the region (us. eu. apac. global.); "
            f"list them with `aws bedrock list-inference-profiles --region {region}`.",
        )
    kind = _KINDS.get(code.lower()) or _STATUS.get(status) or ("overloaded" if status >= 500 else "unknown")  # noqa: PLR2004
    advice = {
        "auth": "check the AWS credentials, and that this model is enabled for the account",
        "not_found": "check the name and the region",
        "rate_limit": "wait, or name a second model in the chain",
        "overloaded": "try later, or name a second model",
    }.get(kind, "")
    said = one_line(f"{code}: {words}" if words else code or f"HTTP {status}")
    return ModelError(
        kind,
        f"Bedrock in {region} says {said}{f'; {advice}' if advice else ''}.",
        _wait(metadata),
        status=status or None,
    )


def _wait(metadata: dict[str, Any]) -> float | None:
    try:
        return float((metadata.get("HTTPHeaders") or {}).get("retry-after", ""))
    except ValueError:
        return None
