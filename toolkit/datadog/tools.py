"""The tools on Datadog; nothing here imports its client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import AwareDatetime, Field

from toolkit.datadog import shaping
from toolkit.datadog.client import API_KEY, APP_KEY, Access, ask, from_environment
from toolkit.protocol import Arguments, Tool, ToolInfo, ToolText

if TYPE_CHECKING:
    from datadog_api_client import ApiClient

_TIMEOUT_S: Final = 40.0
_MOST_MINUTES: Final = 60 * 24 * 30
_PAGE: Final = 100
_MOST_PAGES: Final = 10


def _info(name: str, description: str) -> ToolInfo:
    return ToolInfo(
        name=name,
        description=description,
        category="datadog",
        effect="read",
        extras=("datadog",),
        environment=(API_KEY, APP_KEY),
        cost="cheap",
        timeout_s=_TIMEOUT_S,
        max_chars=20_000,
    )


METRICS: Final = _info(
    "datadog_metrics",
    "Query metrics of Datadog over a span of time, such as avg:system.cpu.user{service:pay} by {host}; gives "
    "minimum, maximum, average and points of each series.",
)
LOGS: Final = _info(
    "datadog_logs",
    "Search logs of Datadog over a span of time, such as service:pay status:error; newest first, as JSON.",
)
MONITORS: Final = _info(
    "datadog_monitors",
    "List monitors of Datadog with their state, such as Alert, Warn, No Data or OK; can be filtered.",
)


class _Span(Arguments):
    last_minutes: int = Field(default=60, ge=1, le=_MOST_MINUTES, description="How long the span of time is.")
    until: AwareDatetime | None = Field(
        default=None, description="Its end, with a time zone: 2026-01-31T12:00:00Z; now if left out."
    )


class MetricsArguments(_Span):
    """A query and its span of time."""

    query: str = Field(min_length=1, max_length=5000, description="In Datadog's language for metrics.")


class LogsArguments(_Span):
    """A search and its span of time."""

    query: str = Field(default="*", max_length=5000, description="In Datadog's language for logs.")
    limit: int = Field(default=50, ge=1, le=1000, description="The most logs to take.")
    cursor: str = Field(default="", max_length=4000, description="Of an earlier answer, to read on.")


class MonitorsArguments(Arguments):
    """What to filter monitors by."""

    name: str = Field(default="", max_length=500, description="Part of the name.")
    tags: str = Field(default="", max_length=1000, description="Tags of the scope, with commas between.")
    states: list[Literal["Alert", "Warn", "No Data", "OK", "Ignored", "Skipped", "Unknown"]] = Field(
        default_factory=list, description="States to list; all when empty."
    )


def make_metrics(access: Access | None = None) -> Tool[MetricsArguments]:
    """Make `datadog_metrics`, with keys of the environment unless others are given."""
    return Tool(METRICS, MetricsArguments, partial(_metrics, access or from_environment()))


def make_logs(access: Access | None = None) -> Tool[LogsArguments]:
    """Make `datadog_logs`, with keys of the environment unless others are given."""
    return Tool(LOGS, LogsArguments, partial(_logs, access or from_environment()))


def make_monitors(access: Access | None = None) -> Tool[MonitorsArguments]:
    """Make `datadog_monitors`, with keys of the environment unless others are given."""
    return Tool(MONITORS, MonitorsArguments, partial(_monitors, access or from_environment()))


def _metrics(access: Access, arguments: MetricsArguments) -> ToolText:
    since, until = _span(arguments)

    def question(client: ApiClient) -> object:
        from datadog_api_client.v1.api.metrics_api import MetricsApi  # noqa: PLC0415 - an extra

        return MetricsApi(client).query_metrics(  # type: ignore[no-untyped-call]  # the client's own gap
            _from=int(since.timestamp()), to=int(until.timestamp()), query=arguments.query
        )

    return shaping.metrics(ask(access, question))


def _logs(access: Access, arguments: LogsArguments) -> ToolText:
    since, until = _span(arguments)

    def question(client: ApiClient) -> object:
        from datadog_api_client.v2.api.logs_api import LogsApi  # noqa: PLC0415 - an extra
        from datadog_api_client.v2.model.logs_list_request import LogsListRequest  # noqa: PLC0415
        from datadog_api_client.v2.model.logs_list_request_page import LogsListRequestPage  # noqa: PLC0415
        from datadog_api_client.v2.model.logs_query_filter import LogsQueryFilter  # noqa: PLC0415
        from datadog_api_client.v2.model.logs_sort import LogsSort  # noqa: PLC0415

        page: dict[str, Any] = {"limit": arguments.limit}
        if arguments.cursor:
            page["cursor"] = arguments.cursor
        wanted = LogsQueryFilter(query=arguments.query, _from=since.isoformat(), to=until.isoformat())
        newest_first = LogsSort.TIMESTAMP_DESCENDING
        return LogsApi(client).list_logs(  # type: ignore[no-untyped-call]  # the client's own gap
            body=LogsListRequest(filter=wanted, page=LogsListRequestPage(**page), sort=newest_first)
        )

    return shaping.logs(ask(access, question))


def _monitors(access: Access, arguments: MonitorsArguments) -> ToolText:
    given = {key: value for key in ("name", "tags") if (value := getattr(arguments, key))}
    found: list[dict[str, Any]] = []
    for number in range(_MOST_PAGES):
        page = shaping.monitor_page(ask(access, partial(_monitor_page, given, number)))
        found += page
        if len(page) < _PAGE:
            return shaping.monitors(found, list(arguments.states), has_more=False)
    return shaping.monitors(found, list(arguments.states), has_more=True)


def _monitor_page(given: dict[str, Any], number: int, client: ApiClient) -> object:
    from datadog_api_client.v1.api.monitors_api import MonitorsApi  # noqa: PLC0415 - an extra

    api = MonitorsApi(client)  # type: ignore[no-untyped-call]  # the client's own gap
    return api.list_monitors(page=number, page_size=_PAGE, **given)


def _span(arguments: _Span) -> tuple[datetime, datetime]:
    until = arguments.until or datetime.now(UTC)
    return until - timedelta(minutes=arguments.last_minutes), until
