"""Changing exported sessions as somebody would who means harm, or a disk that forgets."""

import base64
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Interrupt, Send

SERDE = JsonPlusSerializer(allowed_msgpack_modules=True)

TEXTS = (
    st.text(max_size=8)
    | st.sampled_from(
        ["", "\0", "a\0b", "messages", "second", "branch:to:second", "../..", "9" * 400, "0" * 32]
    )
    | st.sampled_from(
        ["1-1-1", "0001-01-01T00:00:00+23:59", "2026-01-01", "{1ef0bc50-0000-6000-8000-0000000000ff}"]
    )
)
PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | TEXTS | st.binary(max_size=4)
)
OBJECTS = st.sampled_from(
    [
        ...,
        HumanMessage("hello"),
        AIMessage.model_construct(content=5),  # type: ignore[arg-type]
        HumanMessage("hi", additional_kwargs={"created_at": "0001-01-01T00:00:00+23:59"}),
        Interrupt("well?", id="1"),
        Interrupt(5, id=5),  # type: ignore[arg-type]
        Send("second", 5),
        Send("nowhere", {"messages": []}),
        Send("second", {"messages": "x"}),
    ]
)
JUNK = st.recursive(
    PLAIN | OBJECTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3) | st.tuples(inner),
    max_leaves=5,
)


def unpacked(plain: dict[str, Any]) -> dict[str, Any]:
    """The parts of an exported session that are read back."""
    parts = {name: _load(plain[name]) for name in ("checkpoint", "metadata")}
    return {**parts, "writes": [{**write, "value": _load(write["value"])} for write in plain["writes"]]}


def packed(plain: dict[str, Any], parts: dict[str, Any]) -> str:
    """The file with these parts in it."""
    writes = [{**write, "value": _dump(write["value"])} for write in parts["writes"]]
    changed = {name: _dump(parts[name]) for name in ("checkpoint", "metadata")}
    return json.dumps({**plain, **changed, "writes": writes})


def tamper(parts: dict[str, Any], choose: Callable[[st.SearchStrategy[Any]], Any]) -> None:
    """Change something somewhere: replace it, take it away, or add to it."""
    for _ in range(choose(st.integers(1, 3))):
        at: Any = parts
        while True:
            keys: list[Any] = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = choose(st.sampled_from(keys))
            inner = at[key]
            if isinstance(inner, dict | list) and inner and choose(st.integers(0, 3)):
                at = inner
                continue
            if at is parts and key == "writes":
                at = inner
            else:
                how = choose(st.sampled_from(["replace", "take", "add"]))
                if how == "replace" or at is parts:
                    at[key] = choose(JUNK)
                elif how == "take":
                    del at[key]
                elif isinstance(at, dict):
                    at[choose(TEXTS)] = choose(JUNK)
                else:
                    at.append(choose(JUNK))
            break


def _load(part: dict[str, str]) -> Any:  # noqa: ANN401  # whatever was stored
    return SERDE.loads_typed((part["type"], base64.b64decode(part["data"])))


def _dump(value: object) -> dict[str, str]:
    kind, data = SERDE.dumps_typed(value)
    return {"type": kind, "data": base64.b64encode(data).decode()}
