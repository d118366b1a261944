"""How long a server asks to wait, in every form that servers write it."""

from __future__ import annotations

import math

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.failover.errors import Target, classify
from providers.failover.retry_after import asked_wait_s
from providers.protocol import NEVER, ModelError

RESETS = ("x-ratelimit-reset", "x-ratelimit-reset-tokens")
NOW = 1_445_412_400.0  # Wed, 21 Oct 2015 07:26:40 GMT
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": DATE}, 80.0),
        ({"retry-after": DATE, "date": "Wed, 21 Oct 2015 07:27:50 GMT"}, 10.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:00:00 GMT"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "7.66s"}, 7.66),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "7.66s"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 30)}, 30.0),
        ({"retry-after": "1", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9"}, 1.0),
        (
            {
                "anthropic-ratelimit-tokens-remaining": "0",
                "anthropic-ratelimit-tokens-reset": "2015-10-21T07:27:00Z",
            },
            20.0,
        ),
    ],
)
def test_every_form_is_read(headers: dict[str, str], wait: float | None) -> None:
    found = asked_wait_s(headers, now=NOW)
    assert found == (None if wait is None else pytest.approx(wait))


@given(
    st.dictionaries(
        st.sampled_from(("retry-after", "retry-after-ms", "date", "x-ratelimit-remaining", *RESETS)),
        st.text(max_size=20) | st.sampled_from([DATE, "0", "1e400", "9" * 30, "1d2h3m4s5ms"]),
    )
)
def test_whatever_a_server_writes_the_wait_is_a_number_or_unknown(headers: dict[str, str]) -> None:
    wait = asked_wait_s(headers, now=NOW)
    assert wait is None or (wait >= 0 and math.isfinite(wait))


def _bedrock(code: str, status: int, **headers: str) -> Exception:
    """An error as botocore raises it."""
    error = RuntimeError(f"An error occurred ({code}) when calling the ConverseStream operation")
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    error.response = {"Error": {"Code": code}, "ResponseMetadata": metadata}  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "kind", "wait"),
    [
        (_bedrock("ThrottlingException", 429, **{"retry-after": "3"}), "rate_limit", 3.0),
        (_bedrock("ThrottlingException", 400), "rate_limit", None),
        (_bedrock("ModelNotReadyException", 429), "rate_limit", None),
        (_bedrock("ServiceUnavailableException", 503), "overloaded", None),
        (_bedrock("throttlingException", 200), "rate_limit", None),
        (_bedrock("ModelTimeoutException", 408), "timeout", None),
        (_bedrock("AccessDeniedException", 403), "auth", None),
        (_bedrock("ExpiredTokenException", 400), "auth", None),
        (_bedrock("ResourceNotFoundException", 404), "not_found", None),
        (_bedrock("ModelStreamErrorException", 424), "cut_stream", None),
        (_bedrock("ValidationException", 400), "unknown", None),
        (RuntimeError("overloaded_error"), "overloaded", None),
        (RuntimeError("Your credit balance is too low to access the API"), "rate_limit", NEVER),
        (RuntimeError("{'code': 'content_filter'}"), "refusal", None),
        (ModelError("rate_limit", "wait", 4.0), "rate_limit", 4.0),
    ],
    ids=lambda value: str(value)[:50],
)
def test_errors_of_other_services_have_a_kind_and_a_wait(
    error: Exception, kind: str, wait: float | None
) -> None:
    found = classify(error, Target("m"))
    assert (found.kind, found.retry_after_s) == (kind, wait)


def test_the_wait_of_a_cause_counts() -> None:
    request = httpx.Request("POST", "https://host.example")
    headers = {"Retry-After": DATE, "Date": "Wed, 21 Oct 2015 07:27:00 GMT"}
    response = httpx.Response(529, request=request, headers=headers)
    wrapped = RuntimeError("the model failed")
    wrapped.__cause__ = httpx.HTTPStatusError("busy", request=request, response=response)
    found = classify(wrapped, Target("m"))
    assert (found.kind, found.retry_after_s) == ("overloaded", 60.0)
