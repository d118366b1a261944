"""Makes a model call a tool: its answer is held to a JSON object that says which one, and with what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.utils.json_schema import dereference_refs

from providers.backends.schema import closed_schema

if TYPE_CHECKING:
    from providers.runners.protocol import Request


def answer_schema(request: Request) -> dict[str, Any] | None:
    """Give the JSON schema that the whole answer must match, or None when it is free.

    Args:
        request: With tools of which one must be called, or a schema of its own.
    """
    if request.must_call:
        calls = [_call(dict(tool["function"])) for tool in request.tools]
        return {"anyOf": [call for call in calls if call["properties"]["name"]["const"] in request.must_call]}
    return None if request.json_schema is None else dict(request.json_schema)


def read_call(text: str, _tools: object) -> Any:  # noqa: ANN401 - as mlx-lm's parsers
    """Read the object; it is whole unless a limit cut it."""
    return json.loads(text)


def _call(function: dict[str, Any]) -> dict[str, Any]:
    # References count from the root, which the parameters are no longer; and unknown fields would never end.
    given = dereference_refs(function.get("parameters") or {"type": "object", "properties": {}})
    given = {name: value for name, value in given.items() if name != "$defs"}
    parameters, _ = closed_schema({"type": "object", "properties": {}} | given)
    return {
        "type": "object",
        "properties": {"name": {"const": function["name"]}, "arguments": parameters},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
