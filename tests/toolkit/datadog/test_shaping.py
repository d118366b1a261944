"""Answers of any shape."""

from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.datadog import shaping
from toolkit.protocol import ToolError, ToolText

_FIELDS = (
    "series",
    "data",
    "pointlist",
    "unit",
    "attributes",
    "meta",
    "page",
    "after",
    "status",
    "overall_state",
)
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=3),
    max_leaves=8,
)


@given(_ANY)
@example([{"pointlist": "\x85", "attributes": {"status": "\u2028"}, "overall_state": "\u2029"}])
@example({"attributes": {"status": "\x85"}})
def test_any_answer_is_shown_as_lines_of_json_or_told(answer: object) -> None:
    shapes: tuple[Callable[[], ToolText], ...] = (
        lambda: shaping.metrics({"series": answer}),
        lambda: shaping.metrics(answer),
        lambda: shaping.logs({"data": [answer], "meta": answer}),
        lambda: shaping.logs(answer),
        lambda: shaping.monitors(shaping.monitor_page(answer), [], has_more=False),
    )
    for shape in shapes:
        try:
            told = shape()
        except ToolError as error:
            told = ToolText("No series.", str(error))
        assert told.note.endswith(".") or not told.note or "more" in told.note
        if told.text not in {"No series.", "No logs."}:
            assert [json.loads(line) for line in told.text.splitlines()]
