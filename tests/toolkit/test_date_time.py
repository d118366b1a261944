"""Dates, zones and what lies between."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.date_time import DateTimeArguments
from toolkit.protocol import AnyTool, ToolError
from toolkit.registry import make

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def tool() -> AnyTool:
    return make("date_time", now=lambda: NOW)


def say(tool: AnyTool, **arguments: Any) -> str:  # noqa: ANN401
    return str(tool.call(DateTimeArguments(**arguments)))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            {"operation": "now", "zone": "Europe/Berlin"},
            "2026-03-28T13:00:00+01:00 (CET), Saturday, ISO week 2026-W13",
        ),
        ({"operation": "describe", "start": "2024-12-30"}, "Monday, ISO week 2025-W01, day 365 of 366"),
        ({"operation": "add", "start": "2026-01-31", "months": 1}, "2026-02-28T"),
        ({"operation": "add", "start": "2024-02-29", "years": -1}, "2023-02-28T"),
        ({"operation": "add", "start": "2026-03-31", "months": -13, "days": 1}, "2025-03-01T"),
        # Clocks go forward: an hour later is 03:30, a day later the same time, and 02:30 is none.
        (
            {"operation": "add", "zone": "Europe/Berlin", "start": "2026-03-29T01:30", "hours": 1},
            "T03:30:00+02:00",
        ),
        (
            {"operation": "add", "zone": "Europe/Berlin", "start": "2026-03-28T12:00", "days": 1},
            "T12:00:00+02:00",
        ),
        ({"operation": "describe", "zone": "Europe/Berlin", "start": "2026-03-29T02:30"}, "T03:30:00+02:00"),
        (
            {"operation": "difference", "start": "2026-01-01", "end": "2026-03-01"},
            "59 days by the calendar (42 of",
        ),
        (
            {"operation": "difference", "zone": "Europe/Berlin", "start": "2026-03-29", "end": "2026-03-30"},
            "23 h 0",
        ),
        ({"operation": "difference", "start": "2026-03-28T13:00"}, "-1 h 0 min 0 s"),
    ],
)
def test_dates_are_reckoned(tool: AnyTool, arguments: dict[str, Any], says: str) -> None:
    assert says in say(tool, **arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"zone": "Berlin"}, "did you mean Europe/Berlin"),
        ({"zone": "../../etc/passwd"}, "no time zone"),
        ({"zone": "/etc/passwd"}, "no time zone"),
        ({"zone": "Europe"}, "no time zone"),
        ({"zone": "a\0b"}, "no time zone"),
        ({"start": "next Friday"}, "is no date"),
        ({"operation": "add", "years": 9000}, "after year 9999"),
        ({"start": "0001-01-01", "zone": "Asia/Tokyo"}, "before year 1"),
    ],
)
def test_what_is_no_date_is_told(tool: AnyTool, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ToolError, match=says):
        say(tool, **({"operation": "describe"} | arguments))


def test_without_a_time_zone_database_the_package_is_named(tool: AnyTool) -> None:
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    try:
        with pytest.raises(ToolError, match="pip install tzdata"):
            say(tool, operation="now", zone="Asia/Tokyo")
    finally:
        zoneinfo.reset_tzpath(to=before)


@given(st.dates(), st.integers(-400, 400))
def test_working_days_are_those_that_are_counted_one_by_one(start: Any, days: int) -> None:  # noqa: ANN401
    from toolkit.date_time import _working_days  # noqa: PLC0415

    try:
        first = min(start, start + timedelta(days=days))
    except OverflowError:
        return
    counted = sum((first + timedelta(days=i)).weekday() < 5 for i in range(abs(days)))
    assert _working_days(start, days) == counted
