"""Memory as a graph: the same on every backend, whole or said not to be, and text that stays text."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory import Memory
from memory.drawing import MAX_LABEL_CHARS, GraphEdge, MemoryGraph, memory_graph
from memory.mermaid import escaped
from memory.records import Origin, Record, Selection
from memory.sql import open_memory
from tests.memory.making import at, chunk, fact, told

MODEL = "openai:gpt-5.4"
_LINE = re.compile(
    r"graph LR|  n\d+(?:\[|\(\[|\(|\[\(|\{\{|>)"
    r'"(?P<text>(?:[^\W_]|[ ,?!]|#\d+;)*)"(?:\]|\]\)|\)|\)\]|\}\}):::\w+'
    r"|  n\d+ (?:-->|-\.->|==>)\|[a-z ]+\| n\d+|  classDef \w+ [\w:#,-]+"
)
_HOSTILE = '"]; click n0 href "javascript:alert(1)" %% <b>x</b>\n```\nend 1. style a:#123; `_b_`'


def drawn(graph: MemoryGraph) -> list[str]:
    """The labels of a drawing of which every line is one that we know, as Mermaid shows them."""
    found = []
    for line in graph.draw_mermaid().splitlines():
        read = _LINE.fullmatch(line)
        assert read, line
        if read["text"] is not None:
            found.append(html.unescape(re.sub(r"#(\d+);", r"&#\1;", read["text"])))
    return found


def edges(graph: MemoryGraph) -> set[tuple[str, str, str]]:
    """Each edge by the texts of its ends."""
    texts = {node.id: node.text for node in graph.nodes}
    return {(texts[edge.start], edge.kind, texts[edge.end]) for edge in graph.edges}


async def test_records_show_what_they_are_about_and_where_they_come_from(memory_backend: Memory) -> None:
    learned = Origin(session="s", turn="3", source=MODEL, proof="verified", confidence=0.8, at=at(3))
    await memory_backend.store("anna", [fact("tea", "my drink", minute=1, turn="1", entities=("Tea",))])
    await memory_backend.store(
        "anna",
        [
            fact("coffee", "my drink", minute=2, turn="2"),
            Record(kind="insight", text="likes green TEA", entities=("tea",), origin=learned),
            Record(kind="episode", text="Q\nA", origin=told(4, "4", "another")),
            chunk("a part", "src/a.py", line=7),
        ],
    )
    await memory_backend.store("ben", [fact("secret", minute=1, turn="1", entities=("Tea",))])
    graph = await memory_graph(memory_backend, "anna")
    assert graph.is_whole
    assert edges(graph) == {
        ("tea", "from", "session s"),
        ("tea", "said by", "user"),
        ("tea", "mentions", "Tea"),
        ("tea", "superseded by", "coffee"),
        ("coffee", "from", "session s"),
        ("coffee", "said by", "user"),
        ("likes green TEA", "from", "session s"),
        ("likes green TEA", "said by", MODEL),
        ("likes green TEA", "mentions", "Tea"),
        ("Q A", "from", "session another"),
        ("Q A", "said by", "user"),
        ("src/a.py:7: a part", "in", "archive docs"),
    }
    assert {node.text for node in graph.nodes if not node.is_current} == {"tea"}
    assert drawn(graph) == [node.text for node in graph.nodes]
    assert ":::replaced" in graph.draw_mermaid()


async def test_what_is_left_out_is_said_and_no_edge_leads_there() -> None:
    memory = open_memory(":memory:")
    for minute in range(4):
        await memory.store("anna", [fact(f"drink {minute}", "my drink", minute=minute)])
    part = await memory_graph(memory, "anna", limit=2)
    assert ([node.text for node in part.nodes], part.is_whole) == (["drink 0", "drink 1", "user"], False)
    assert sum(edge.kind == "superseded by" for edge in part.edges) == 1
    assert "There is more" in part._repr_markdown_()
    whole = await memory_graph(memory, "anna", limit=4)
    assert whole.is_whole
    assert whole._repr_markdown_() == f"```mermaid\n{whole.draw_mermaid()}\n```"
    one = await memory_graph(memory, "anna", Selection(is_current=True))
    assert edges(one) == {("drink 3", "said by", "user")}
    assert (await memory_graph(memory, "nobody")).draw_mermaid() == "graph LR"
    with pytest.raises(ValueError, match="The limit is 0"):
        await memory_graph(memory, "anna", limit=0)
    await memory.aclose()


async def test_no_text_can_be_anything_but_text_in_a_drawing() -> None:
    memory = open_memory(":memory:")
    await memory.store("anna", [fact(_HOSTILE, entities=(_HOSTILE[:40],)), fact("x" * 500)])
    graph = await memory_graph(memory, "anna")
    labels = drawn(graph)
    assert labels[0].startswith('"]; click n0 href "javascript')
    assert {len(label) for label in labels[:2]} == {MAX_LABEL_CHARS}
    assert labels[1].endswith("x…")
    assert GraphEdge(start=graph.nodes[1].id, end="source user", kind="said by") in graph.edges
    await memory.aclose()


@given(st.text())
def test_a_label_shows_each_sign_and_holds_none_that_means_something(text: str) -> None:
    label = escaped(text)
    assert re.fullmatch(r"(?:[^\W_]|[ ,?!]|#\d+;)*", label)
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    assert html.unescape(re.sub(r"#(\d+);", r"&#\1;", label)) == shown
