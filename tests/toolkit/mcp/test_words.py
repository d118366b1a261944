"""Names, schemas and words of servers: made so that they can only be read."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.types import Tool, ToolAnnotations
from pydantic import ValidationError

from tests.toolkit.mcp.test_config import parsed
from toolkit.mcp.limits import McpLimits
from toolkit.mcp.naming import name_of
from toolkit.mcp.offers import Announcement, Offer, offers_of
from toolkit.mcp.plain import has_hidden, plain
from toolkit.mcp.schemas import SchemaError, arguments_of, harmless
from toolkit.mcp.secrets import Secrets
from toolkit.protocol import ToolConfigError

VALID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "anyOf", "enum", "$ref", "required", "$defs", "pattern"]
            )
            | st.text(max_size=4),
            inner | st.sampled_from(["object", "string", "#/$defs/a", "#", "#/properties"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_every_name_can_be_used_and_no_two_tools_share_one(
    one: tuple[str, str], two: tuple[str, str]
) -> None:
    assert VALID.fullmatch(name_of(*one))
    assert one == two or name_of(*one) != name_of(*two)


@given(st.text("ab_", min_size=1, max_size=5), st.text("ab_", max_size=5), st.integers(1, 9))
def test_where_a_name_is_cut_does_not_make_two_tools_one(server: str, tool: str, at: int) -> None:
    whole = f"{server}__{tool}"
    other = (whole[:at], whole[at + 2 :])
    assert other == (server, tool) or name_of(*other) != name_of(server, tool)


def test_a_usual_name_stays_readable() -> None:
    assert name_of("github", "create_issue") == "github__create_issue"
    assert name_of("my server", "get.weather").startswith("my_server__get_weather_")
    assert name_of("7zip", "pack").startswith("s7zip__pack_")


@given(st.text(st.characters(), max_size=300), st.integers(1, 60))
def test_what_is_plain_is_one_short_line_with_nothing_hidden(text: str, most: int) -> None:
    shown = plain(text, most)
    assert len(shown) <= most
    assert not has_hidden(shown)
    assert "\n" not in shown
    shown.encode()


@given(JSON, JSON)
def test_whatever_a_schema_says_it_is_left_out_or_safe_to_check_with(raw: Any, arguments: Any) -> None:  # noqa: ANN401
    try:
        schema = harmless(raw if isinstance(raw, dict) else {"properties": {"a": raw}}, 2000)
    except SchemaError:
        return
    assert len(json.dumps(schema, ensure_ascii=False)) <= 2000
    assert "$ref" not in schema
    kind = arguments_of(schema)
    assert kind.model_json_schema() == schema
    with suppress(ValidationError):
        assert kind.model_validate(arguments).root == arguments


def test_references_are_put_in_and_those_to_elsewhere_or_to_themselves_are_not_followed() -> None:
    raw = {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "properties": {
            "node": {"$ref": "#/$defs/node", "description": "the\u202e first"},
            "far": {"$ref": "http://127.0.0.1:9/x.json"},
            "pattern": {"type": "string", "pattern": "^(a+)+$"},
        },
    }
    schema = harmless(raw, 2000)
    assert schema["properties"] == {
        "node": {"type": "object", "properties": {"next": {}}, "description": "the first"},
        "far": {},
        "pattern": {"type": "string", "pattern": "^(a+)+$"},
    }
    arguments_of(schema).model_validate({"pattern": "a" * 50 + "!"})  # would take for ever


def test_wrong_arguments_are_told_with_their_place() -> None:
    kind = arguments_of(harmless({**SCHEMA, "required": ["text"], "additionalProperties": False}, 2000))
    with pytest.raises(ValidationError) as error:
        kind.model_validate({"text": 5, "more": 1})
    found = {(*one["loc"], one["msg"]) for one in error.value.errors()}
    assert ("text", "5 is not of type 'string'") in found
    assert len(found) == 2


def offer(tool: Tool) -> Offer:
    (spec,) = parsed({"a": {"command": "x"}})
    offers = offers_of(spec, Announcement([tool]), McpLimits(), Secrets(["hush-hush"]))
    return next(iter(offers.by_name.values()))


@pytest.mark.parametrize(
    ("hints", "effect"),
    [
        (None, "write"),
        ({}, "write"),
        ({"readOnlyHint": False}, "write"),
        ({"destructiveHint": False}, "write"),
        ({"readOnlyHint": True}, "read"),
        ({"readOnlyHint": True, "openWorldHint": False}, "read"),
        ({"readOnlyHint": True, "openWorldHint": True}, "network"),
        ({"readOnlyHint": True, "destructiveHint": True}, "write"),
    ],
)
def test_only_a_tool_that_says_so_reads_only(hints: dict[str, Any] | None, effect: str) -> None:
    annotations = None if hints is None else ToolAnnotations(**hints)
    assert offer(Tool(name="do", inputSchema=SCHEMA, annotations=annotations)).info.effect == effect


def test_a_description_is_the_servers_own_short_and_without_secrets() -> None:
    info = offer(
        Tool(name="do", description="Use hush-hush.\n\n\x1b[1mSYSTEM\x1b[0m" + "x" * 9999, inputSchema=SCHEMA)
    ).info
    assert info.description.startswith(
        "The tool do of the MCP server a, described by that server: Use [redacted]. SYSTEMxxx"
    )
    assert len(info.description) < 1200
    assert info.source == "MCP server a of /home/ada/mcp.json"


def test_whatever_changes_in_a_tool_makes_another_one_of_it() -> None:
    same = {"name": "do", "description": "Do it.", "inputSchema": SCHEMA}
    tools = [
        Tool(**same),
        Tool(**{**same, "description": "Do more."}),
        Tool(**{**same, "inputSchema": {**SCHEMA, "required": ["text"]}}),
        Tool(**same, annotations=ToolAnnotations(readOnlyHint=True)),
        Tool(**same, title="It"),
    ]
    prints = [offer(tool).info.fingerprint for tool in tools]
    assert len(set(prints)) == len(tools)
    assert offer(Tool(**same)).info.fingerprint == prints[0]


def test_a_limit_that_limits_nothing_is_refused() -> None:
    with pytest.raises(ToolConfigError, match=r"call_s 0 of McpLimits must be 0.001 or more"):
        McpLimits(call_s=0)
