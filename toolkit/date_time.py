"""The tool `date_time`: now in a zone, days between dates, what a date is after so much time."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field

from toolkit.protocol import Arguments, Tool, ToolError, ToolInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.services import Services

_YEAR = 12
_WEEKEND = 5
_SPAN = 10_000

INFO = ToolInfo(
    name="date_time",
    description=(
        "Dates and times: now in a time zone; describe a date (weekday, ISO week, day of the year); add time "
        "to a date; the difference between two dates."
    ),
    category="calculation",
    effect="read",
    timeout_s=5,
    max_chars=2000,
)


class DateTimeArguments(Arguments):
    """What to do with dates."""

    operation: Literal["now", "describe", "add", "difference"]
    zone: str = Field("UTC", max_length=100, description="IANA name, such as Europe/Berlin.")
    start: str = Field(
        "", max_length=50, description="ISO date or time, such as 2026-03-01T09:00; empty is now."
    )
    end: str = Field("", max_length=50, description="For difference: the later date or time; empty is now.")
    years: int = Field(0, ge=-_SPAN, le=_SPAN)
    months: int = Field(0, ge=-12 * _SPAN, le=12 * _SPAN)
    days: int = Field(0, ge=-366 * _SPAN, le=366 * _SPAN, description="For add; seven make a week.")
    hours: int = Field(0, ge=-(10**8), le=10**8)
    minutes: int = Field(0, ge=-(10**10), le=10**10)


def make(services: Services) -> Tool[DateTimeArguments]:
    """Make the tool; `services["now"]`, if given, is its clock."""
    clock = services.get("now", _now)
    return Tool(INFO, DateTimeArguments, lambda arguments: _answer(arguments, clock))


def _now() -> datetime:
    return datetime.now(UTC)


def _answer(asked: DateTimeArguments, clock: Callable[[], datetime]) -> str:
    zone = _zone(asked.zone)
    try:
        now = clock().astimezone(zone).replace(microsecond=0)
        start = now if asked.operation == "now" else _moment(asked.start, zone, now)
        if asked.operation == "add":
            return _described(_added(start, asked))
        if asked.operation == "difference":
            return _difference(start, _moment(asked.end, zone, now))
        return _described(start)
    except OverflowError as error:
        raise ToolError("That is before year 1 or after year 9999.") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown, a path that leaves the folder, a folder
        known = available_timezones()
        if not known:
            raise ToolError("There is no time zone database here; run: pip install tzdata") from error
        near = get_close_matches(name, known, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; use an IANA name such as Europe/Berlin."
        raise ToolError(f"There is no time zone {name!r}{hint}") from error


def _moment(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    if not text:
        return now
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ToolError(f"{text!r} is no date: write it as 2026-03-01 or 2026-03-01T09:00.") from error
    placed = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    return _real(placed, zone)


def _real(moment: datetime, zone: ZoneInfo) -> datetime:
    """Move a time that clocks skip in spring to the one that they show then."""
    return moment.astimezone(UTC).astimezone(zone)


def _added(start: datetime, asked: DateTimeArguments) -> datetime:
    """Years, months and days by the calendar (a month's end stays one), hours and minutes as they pass."""
    month = start.year * _YEAR + start.month - 1 + asked.years * _YEAR + asked.months
    year, index = divmod(month, _YEAR)
    if not date.min.year <= year <= date.max.year:
        raise OverflowError
    day = min(start.day, calendar.monthrange(year, index + 1)[1])
    by_calendar = start.replace(year=year, month=index + 1, day=day) + timedelta(days=asked.days)
    passed = timedelta(hours=asked.hours, minutes=asked.minutes)
    zone = _zone(asked.zone)
    return (_real(by_calendar, zone).astimezone(UTC) + passed).astimezone(zone)


def _described(moment: datetime) -> str:
    week = moment.isocalendar()
    day = moment.timetuple().tm_yday
    return (
        f"{moment.isoformat()} ({moment:%Z}), {calendar.day_name[moment.weekday()]}, "
        f"ISO week {week.year}-W{week.week:02}, day {day} of {365 + calendar.isleap(moment.year)}"
    )


def _difference(start: datetime, end: datetime) -> str:
    passed = end.astimezone(UTC) - start.astimezone(UTC)
    days = (end.date() - start.date()).days
    sign = "-" if passed < timedelta() else ""
    hours, rest = divmod(int(abs(passed).total_seconds()), 3600)
    return (
        f"From {start.isoformat()} to {end.isoformat()}: {days} days by the calendar "
        f"({_working_days(start.date(), days)} of them Monday to Friday); "
        f"{sign}{hours} h {rest // 60} min {rest % 60} s have passed"
    )


def _working_days(start: date, days: int) -> int:
    """Count Mondays to Fridays from the first day on, without the last."""
    weeks, rest = divmod(abs(days), 7)
    first = start if days >= 0 else start + timedelta(days=days)
    return weeks * _WEEKEND + sum((first.weekday() + i) % 7 < _WEEKEND for i in range(rest))
