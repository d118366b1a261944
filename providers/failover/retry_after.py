"""Reads how long a server asks to wait, in every form that servers write it."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d*)?)s)?(?:(\d+(?:\.\d*)?)ms)?")
_UNITS_S = (86_400.0, 3600.0, 60.0, 1.0, 0.001)
# A number this large counts seconds since 1970, not seconds from now.
_EPOCH = 1e9

# What is left of a quota, and the header that says when it is full again: OpenAI and its like, Anthropic.
_QUOTAS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
)


def asked_wait_s(headers: Mapping[str, str], *, now: float) -> float | None:
    """Find how long a response asks to wait.

    `retry-after-ms` goes before `Retry-After` (RFC 9110, section 10.2.3: seconds or a date), and both before
    the resets of quotas, of which those count that are used up.

    Args:
        headers: The response's headers, names in any case.
        now: Seconds since 1970, for dates where the response has no `Date` of its own.

    Returns:
        Seconds, not negative; None when it does not say, or says what cannot be read.
    """
    said = {name.lower(): value.strip() for name, value in headers.items()}
    date = _date_s(said.get("date", ""))
    now = now if date is None else date
    if (milliseconds := _number(said.get("retry-after-ms", ""))) is not None:
        return milliseconds / 1000
    if (wait := _wait_s(said.get("retry-after", ""), now)) is not None:
        return wait
    used_up = (said.get(reset, "") for left, reset in _QUOTAS if _number(said.get(left, "")) == 0)
    waits = [wait for text in used_up if (wait := _wait_s(text, now)) is not None]
    return max(waits, default=None)


def _wait_s(text: str, now: float) -> float | None:
    number = _number(text)
    if number is not None:
        return max(0.0, number - now) if number > _EPOCH else number
    found = _DURATION.fullmatch(text)
    if text and found:
        return sum(float(part) * unit for part, unit in zip(found.groups(), _UNITS_S, strict=True) if part)
    date = _date_s(text)
    return None if date is None else max(0.0, date - now)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _date_s(text: str) -> float | None:
    """Read an HTTP date, or one of RFC 3339."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            date = read(text)
        except (ValueError, TypeError, OverflowError):
            continue
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    return None
