"""`duograph bounds`: what a turn can use at most, said before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving import exits, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nodes import Bounds


def show_bounds(given: Mapping[str, str], *, as_json: bool) -> int:
    """Print the bound of a turn and give the exit code. No session store is opened, no model asked.

    Args:
        given: Settings of the command line.
        as_json: Whether to print an object instead of a table.

    Raises:
        SettingsError: When a setting is wrong.
        ModelConfigError: When a chain names something that does not exist.
    """
    with terminal.starting():
        from graph.build import build_graph  # noqa: PLC0415  # seconds of imports
        from graph.services import Services  # noqa: PLC0415  # the same
        from graph.settings import Settings  # noqa: PLC0415  # the same
        from serving.turn import bounds_of, say_what_costs  # noqa: PLC0415  # the same

    settings = Settings(**given)
    services = Services.from_settings(settings)
    bounds = bounds_of(build_graph(settings, services=services))
    say_what_costs(settings, bounds)
    if as_json:
        terminal.json_object(bounds.model_dump(mode="json"))
    else:
        for name, most in describe(bounds):
            terminal.line(f"{name:<13} {most}")
    return exits.DONE


def describe(bounds: Bounds) -> Iterator[tuple[str, str]]:
    """The rows of the table: what, and how much of it at most."""
    yield "supersteps", str(bounds.supersteps)
    yield "model calls", str(bounds.model_calls)
    yield "tool calls", str(bounds.tool_calls)
    yield "sandbox runs", str(bounds.sandbox_runs)
    yield "seconds", f"{bounds.seconds:g}"
    yield "cost", "unknown" if bounds.cost_usd is None else f"{bounds.cost_usd:.10g} USD"
    for cycle in bounds.cycles:
        way = " → ".join([*cycle.nodes, *cycle.nodes[:1]])
        yield "cycle", f"{way}; guard: {cycle.guard}; limit: {cycle.limit}"
    if bounds.undeclared:
        yield "undeclared", f"{', '.join(bounds.undeclared)} (only the seconds bound what they do)"
