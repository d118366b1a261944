"""Questions to Datadog through its own client: answers bounded in size and time, faults as one sentence."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from toolkit.compact import redact
from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from datadog_api_client import ApiClient

API_KEY: Final = "DD_API_KEY"
APP_KEY: Final = "DD_APP_KEY"
SITE: Final = "DD_SITE"

_TIMEOUT_S: Final = (5, 20)
_REASON_CHARS: Final = 300


@dataclass(frozen=True)
class Access:
    """How Datadog is reached.

    Attributes:
        api_key: Of the organisation.
        app_key: Of a user; its rights are those of the calls.
        host: Such as `https://api.datadoghq.eu`, or empty for what `DD_SITE` says.
        max_bytes: The largest answer that is taken.
    """

    api_key: str = field(repr=False)
    app_key: str = field(repr=False)
    host: str = ""
    max_bytes: int = 16 * 2**20


def from_environment() -> Access:
    """Take the keys from `DD_API_KEY` and `DD_APP_KEY`."""
    return Access(os.environ.get(API_KEY, ""), os.environ.get(APP_KEY, ""))


def ask(access: Access, question: Callable[[ApiClient], Any]) -> Any:  # noqa: ANN401  # whatever JSON can say
    """Ask Datadog and give the JSON of its answer.

    The client's own classes for answers are passed over: they refuse a field that is newer than they are.

    Args:
        access: How it is reached.
        question: A call of an API of the client.

    Raises:
        ToolError: When it does not work.
    """
    import urllib3  # noqa: PLC0415 - with the client
    from datadog_api_client import ApiClient, exceptions  # noqa: PLC0415 - an extra

    try:
        with ApiClient(_configuration(access)) as client:
            response = question(client)
            try:
                raw = response.read(access.max_bytes + 1, decode_content=True)
            finally:
                response.close()
    except exceptions.ApiException as error:
        raise _refused(error) from None
    except exceptions.OpenApiException as error:
        raise ToolError(f"The question is not one that Datadog takes: {_told(str(error), access)}.") from None
    except urllib3.exceptions.ProtocolError:
        raise ToolError("Datadog's answer was cut off: try again.") from None
    except (urllib3.exceptions.DecodeError, UnicodeDecodeError):
        raise ToolError("Datadog's answer cannot be read: it is neither text nor packed text.") from None
    except (urllib3.exceptions.TimeoutError, urllib3.exceptions.HTTPError, OSError) as error:
        raise _unreachable(error, urllib3) from None
    return _parsed(raw, access)


def _configuration(access: Access) -> Any:  # noqa: ANN401  # of the client
    from datadog_api_client import Configuration  # noqa: PLC0415 - an extra
    from urllib3 import Retry  # noqa: PLC0415 - with the client

    options: dict[str, Any] = {"host": access.host} if access.host else {}
    configuration = Configuration(  # type: ignore[no-untyped-call]  # the client's own gap
        api_key={"apiKeyAuth": access.api_key, "appKeyAuth": access.app_key},
        request_timeout=_TIMEOUT_S,
        preload_content=False,  # what is not read yet can be bounded
        # A redirect would take the keys elsewhere.
        retry_policy=Retry(connect=1, read=0, redirect=False, status=0, other=0, total=1),
        **options,
    )
    try:
        configuration.host  # noqa: B018 - it is made of the site, which is looked at only now
    except ValueError:
        raise ToolError(f"{SITE} is none of Datadog's sites: set one such as datadoghq.eu.") from None
    return configuration


def _parsed(raw: bytes, access: Access) -> Any:  # noqa: ANN401  # whatever JSON can say
    if len(raw) > access.max_bytes:
        raise ToolError(f"Datadog's answer is larger than {access.max_bytes // 2**20} MiB: ask for less.")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise ToolError("Datadog's answer is not JSON: look at DD_SITE, or try again.") from None


def _refused(error: Any) -> ToolError:  # noqa: ANN401  # of the client
    status = int(error.status or 0)
    headers = {key.lower(): value for key, value in (error.headers or {}).items()}
    if status in {401, 403}:
        return ToolError(
            f"Datadog refused the keys ({status}): mend {API_KEY} and {APP_KEY}, or {SITE}, or give the "
            "key's user the right to read this."
        )
    if status == 429:  # noqa: PLR2004 - too many requests
        reset = str(headers.get("x-ratelimit-reset", ""))
        wait = f" in {int(reset)} s" if reset.isdecimal() and len(reset) < 7 else " later"  # noqa: PLR2004
        return ToolError(f"Datadog takes no more questions for now: ask again{wait}.")
    if 300 <= status < 400:  # noqa: PLR2004 - redirects
        return ToolError(f"Datadog sent us elsewhere ({status}), which is not followed: mend {SITE}.")
    if status >= 500:  # noqa: PLR2004 - faults of the server
        return ToolError(f"Datadog has a fault ({status}): try again later.")
    if status == 0:
        return ToolError("Datadog cannot be reached: its certificate is not trusted.")
    body = error.body.get("errors") if isinstance(error.body, dict) else None
    reason = "; ".join(str(one) for one in body) if isinstance(body, list) else ""
    told = redact(" ".join(reason.split())).rstrip(". ")[:_REASON_CHARS]
    return ToolError(f"Datadog refused the question ({status})" + (f": {told}." if told else "."))


def _unreachable(error: Exception, urllib3: Any) -> ToolError:  # noqa: ANN401  # the module
    cause = getattr(error, "reason", None) or error
    if isinstance(cause, urllib3.exceptions.ReadTimeoutError):
        return ToolError("Datadog did not answer in time: ask for a shorter time, or try again.")
    if isinstance(cause, urllib3.exceptions.ProtocolError):
        return ToolError("Datadog's answer was cut off: try again.")
    return ToolError(f"Datadog cannot be reached: look at the network, and at {SITE}.")


def _told(text: str, access: Access) -> str:
    for key in (access.api_key, access.app_key):
        if key:
            text = text.replace(key, "…")
    return redact(" ".join(text.split())).rstrip(". ")[:_REASON_CHARS]
