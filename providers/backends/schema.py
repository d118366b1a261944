"""Brings a JSON schema into the form that services demand before they hold an answer to it."""

from __future__ import annotations

import copy
from typing import Any


def closed_schema(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Forbid unknown fields everywhere, and tell whether the schema can be enforced strictly.

    Args:
        schema: A JSON schema, as pydantic's `model_json_schema` makes it.

    Returns:
        A copy whose objects take no other fields, and whether every field of every object is required, which
        OpenAI's strict mode demands.
    """
    closed = copy.deepcopy(schema)
    return closed, _close(closed)


def _close(node: object) -> bool:
    strict = True
    if isinstance(node, dict):
        if "properties" in node:
            node.setdefault("additionalProperties", False)
            strict = node["additionalProperties"] is False and set(node["properties"]) <= set(
                node.get("required", ())
            )
        elif node.get("type") == "object":
            strict = False  # a dictionary of any keys
        for part in node.values():
            strict = _close(part) and strict
    elif isinstance(node, list):
        for part in node:
            strict = _close(part) and strict
    return strict
