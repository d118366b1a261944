"""Rows of a graph as JSON, one a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from toolkit.compact import Caps, as_json, compact

if TYPE_CHECKING:
    from neo4j import AsyncResult

CAPS: Final = Caps(chars=500, items=30, keys=60, depth=6)
"""How much of one value is shown: an embedding has a thousand numbers that tell a reader nothing."""


async def read(result: AsyncResult, most_rows: int, most_chars: int) -> tuple[list[str], bool]:
    """Take rows while they come, and no more than are shown.

    Returns:
        A line for each row, and whether the server had more.
    """
    lines: list[str] = []
    room = most_chars
    columns = result.keys()
    async for record in result:
        if len(lines) == most_rows or room <= 0:
            return lines, True
        row = {
            name: compact(_plain(value), CAPS) for name, value in zip(columns, record.values(), strict=True)
        }
        lines.append(as_json(row))
        room -= len(lines[-1]) + 1
    return lines, False


def _plain(value: object, depth: int = 0) -> Any:  # noqa: ANN401, PLR0911  # whatever Cypher can give
    """Make maps of nodes and relationships, lists of paths, texts of times and points."""
    from neo4j.graph import Node, Path, Relationship  # noqa: PLC0415 - an extra

    if depth > CAPS.depth:
        return "[more inside]"
    if isinstance(value, Node):
        return {"_labels": sorted(value.labels), "_id": value.element_id, **_items(value, depth)}
    if isinstance(value, Relationship):
        ends = {"_from": getattr(value.start_node, "element_id", None)}
        ends["_to"] = getattr(value.end_node, "element_id", None)
        return {"_type": value.type, **ends, **_items(value, depth)}
    if isinstance(value, Path):
        steps: list[object] = [value.start_node]
        for one, node in zip(value.relationships, value.nodes[1:], strict=True):
            steps += [one, node]
        return [_plain(step, depth + 1) for step in steps]
    if isinstance(value, Mapping):
        return _items(value, depth)
    if isinstance(value, list):
        few = value if len(value) <= CAPS.items else value[: CAPS.items - 1]
        more = len(value) - len(few)
        shown = [_plain(item, depth + 1) for item in few]
        return [*shown, f"[… {more} more]"] if more else shown
    # Points are tuples; times of Neo4j count nanoseconds.
    if type(value).__module__.startswith("neo4j."):
        return value.iso_format() if hasattr(value, "iso_format") else str(value)
    return value


def _items(value: Mapping[str, object], depth: int) -> dict[str, Any]:
    return {key: _plain(item, depth + 1) for key, item in value.items()}
