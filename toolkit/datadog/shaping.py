"""What of an answer of Datadog is shown; an answer can have any shape, and nothing is taken for granted."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

from toolkit.compact import Caps, as_json, compact
from toolkit.protocol import ToolError, ToolText

_CAPS: Final = Caps(chars=600, items=30, keys=40, depth=6)
_MAX_POINTS: Final = 30
_MAX_SERIES: Final = 50
_MAX_CURSOR: Final = 4000


def metrics(said: object) -> ToolText:
    """Show series: a summary of each, and points spread evenly over its time."""
    answer = _map(said)
    if answer.get("status") == "error" or answer.get("error"):
        raise ToolError(
            f"Datadog refused the query: {compact(str(answer.get('error') or 'no reason'), _CAPS)}."
        )
    if "series" not in answer:
        raise _odd()
    series = _maps(answer["series"])
    lines = [as_json(compact(_series(one), Caps(items=_MAX_POINTS + 1))) for one in series[:_MAX_SERIES]]
    if not lines:
        return ToolText("No series.")
    more = len(series) - len(lines)
    note = f"{more} more series: filter by tags, or aggregate" if more else ""
    return ToolText("\n".join(lines), note)


def logs(said: object) -> ToolText:
    """Show logs, one a line."""
    answer = _map(said)
    if "data" not in answer:
        raise _odd()
    lines = [as_json(compact(_log(one), _CAPS)) for one in _maps(answer["data"])]
    after = _inside(answer, "meta", "page", "after")
    if not isinstance(after, str) or not after or len(after) > _MAX_CURSOR:
        return ToolText("\n".join(lines) or "No logs.")
    # At the beginning, where it is never clipped.
    return ToolText(
        "\n".join([as_json({"cursor": after}), *lines]), "there may be more: ask again with this cursor"
    )


def monitors(said: list[dict[str, Any]], states: list[str], *, has_more: bool) -> ToolText:
    """Show monitors, one a line, after how many there are in each state."""
    counts = Counter(str(one.get("overall_state")) for one in said)
    wanted = {state.casefold() for state in states}
    shown = [one for one in said if not wanted or str(one.get("overall_state")).casefold() in wanted]
    fields = ("id", "name", "type", "overall_state", "query", "priority", "tags", "message")
    lines = [as_json({"states": dict(sorted(counts.items()))})]
    lines += [
        as_json(compact({key: one[key] for key in fields if one.get(key) not in (None, [])}, _CAPS))
        for one in shown
    ]
    note = "there are more monitors: filter by name or tags" if has_more else ""
    return ToolText("\n".join(lines), note)


def monitor_page(said: object) -> list[dict[str, Any]]:
    """Take a page of monitors."""
    if not isinstance(said, list):
        raise _odd()
    return _maps(said)


def _series(one: dict[str, Any]) -> dict[str, Any]:
    listed = one.get("pointlist")
    points = [
        (point[0], float(point[1]))
        for point in (listed if isinstance(listed, list) else [])
        if isinstance(point, list) and len(point) == 2 and all(_is_number(part) for part in point)  # noqa: PLR2004
    ]
    shown = {key: one[key] for key in ("metric", "scope", "aggr", "interval") if one.get(key) is not None}
    unit = next((item.get("short_name") or item.get("name") for item in _maps(one.get("unit"))), None)
    if unit:
        shown["unit"] = unit
    if not points:
        return shown | {"points": []}
    values = [value for _, value in points]
    shown |= {"count": len(values), "min": min(values), "max": max(values), "avg": sum(values) / len(values)}
    return shown | {"last": values[-1], "points": [[_time(at), value] for at, value in _spread(points)]}


def _spread(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) <= _MAX_POINTS:
        return points
    step = (len(points) - 1) / (_MAX_POINTS - 1)
    return [points[round(index * step)] for index in range(_MAX_POINTS)]


def _log(one: dict[str, Any]) -> dict[str, Any]:
    attributes = _map_or_none(one.get("attributes")) or {}
    fields = ("timestamp", "status", "service", "host", "message", "attributes", "tags")
    return {key: attributes[key] for key in fields if attributes.get(key) not in (None, [], {})}


def _time(milliseconds: float) -> str:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return str(milliseconds)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300  # noqa: PLR2004


def _inside(value: object, *path: str) -> object:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _map(value: object) -> dict[str, Any]:
    found = _map_or_none(value)
    if found is None:
        raise _odd()
    return found


def _map_or_none(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _maps(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _odd() -> ToolError:
    return ToolError("Datadog's answer has not the form that is documented: look at DD_SITE, or try again.")
