"""What AWS and botocore report, as one sentence with a fix."""

from __future__ import annotations

from typing import Any, Final

from toolkit.compact import redact
from toolkit.protocol import ToolError

_REASON_CHARS: Final = 400


def explained(error: Exception) -> ToolError:
    """Say in one sentence what was reported."""
    from botocore import exceptions as kinds  # noqa: PLC0415 - an extra

    if isinstance(error, kinds.ClientError):
        return _answered(error)
    if isinstance(error, kinds.ParamValidationError):
        report = redact("; ".join(str(error.kwargs.get("report", "")).splitlines())).rstrip(". ")
        return ToolError(f"parameters are wrong: {report[:_REASON_CHARS]}.")
    for kind, sentence in (
        (kinds.NoRegionError, "No AWS region is set: set AWS_DEFAULT_REGION."),
        (kinds.ProfileNotFound, "The AWS profile is not there: mend AWS_PROFILE."),
        (
            (kinds.NoCredentialsError, kinds.PartialCredentialsError),
            "No AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        ),
        (
            (kinds.ConnectTimeoutError, kinds.ReadTimeoutError),
            "AWS did not answer in time: ask for less, or try again.",
        ),
        (
            (kinds.HTTPClientError, kinds.ConnectionError, OSError),
            "AWS cannot be reached: look at the network, and at AWS_DEFAULT_REGION.",
        ),
    ):
        if isinstance(error, kind):
            return ToolError(sentence)
    return ToolError(
        f"The call did not work ({type(error).__name__}): look at the parameters and the set-up of AWS."
    )


def _answered(error: Any) -> ToolError:  # noqa: ANN401  # botocore has no types
    told = error.response.get("Error", {})
    reason = redact(" ".join(str(told.get("Message") or "").split())).rstrip(". ")[:_REASON_CHARS]
    return ToolError(
        f"AWS answered {str(told.get('Code') or 'unknown')[:80]}" + (f": {reason}." if reason else ".")
    )
