"""The table of tools: adding one is adding a row here, and a module that makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Unpack

from toolkit import calculator, date_time, inner
from toolkit.aws import tools as aws
from toolkit.datadog import tools as datadog
from toolkit.files import listing, reading, searching
from toolkit.needs import unavailable
from toolkit.neo4j import tools as neo4j
from toolkit.protocol import AnyTool, ToolConfigError, ToolInfo
from toolkit.services import Services, missing_service
from toolkit.web import pages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Row:
    """A tool in the table; `make` may import what is heavy, its module may not."""

    info: ToolInfo
    make: Callable[[Services], AnyTool]


_ROWS: tuple[Row, ...] = (
    Row(neo4j.SCHEMA, lambda _: neo4j.make_schema()),
    Row(neo4j.QUERY, lambda _: neo4j.make_query()),
    Row(aws.READ, lambda _: aws.make_read()),
    Row(datadog.METRICS, lambda _: datadog.make_metrics()),
    Row(datadog.LOGS, lambda _: datadog.make_logs()),
    Row(datadog.MONITORS, lambda _: datadog.make_monitors()),
    Row(calculator.INFO, calculator.make),
    Row(date_time.INFO, date_time.make),
    Row(listing.INFO, listing.make),
    Row(reading.INFO, reading.make),
    Row(searching.INFO, searching.make),
    Row(pages.INFO, pages.make),
    Row(inner.RUN_PYTHON, inner.make_run_python),
    Row(inner.MEMORY_SEARCH, inner.make_memory_search),
)

TOOLS: Mapping[str, Row] = MappingProxyType({row.info.name: row for row in _ROWS})


def infos() -> Sequence[ToolInfo]:
    """List all tools that are built in, by category and name, whether or not they can be used here."""
    return sorted((row.info for row in _ROWS), key=lambda info: (info.category, info.name))


def make(name: str, **services: Unpack[Services]) -> AnyTool:
    """Make a tool that is built in.

    Args:
        name: As `infos` lists it.
        services: What its `info.services` names; more is no harm.

    Raises:
        ToolConfigError: When there is no such tool, it cannot be used here, or a service is missing.
    """
    row = TOOLS.get(name)
    if row is None:
        raise ToolConfigError(f"There is no tool {name!r}: choose from {', '.join(sorted(TOOLS))}.")
    if reason := unavailable(row.info):
        raise ToolConfigError(reason)
    for service in row.info.services:
        if services.get(service) is None:
            raise missing_service(name, service)
    return row.make(services)
