import pytest

from graph.build import NODES, build_graph
from graph.settings import Settings
from graph.state import Context

EDGES = {
    ("__start__", "classify"),
    ("classify", "recall"),
    ("classify", "respond"),
    ("recall", "knowledge"),
    ("recall", "reason"),
    ("recall", "verify"),
    ("recall", "respond"),
    ("knowledge", "respond"),
    ("reason", "consent"),
    ("reason", "tools"),
    ("consent", "tools"),
    ("tools", "reason"),
    ("reason", "approve"),
    ("reason", "code"),
    ("reason", "respond"),
    ("approve", "code"),
    ("approve", "respond"),
    ("code", "verify"),
    ("code", "respond"),
    ("verify", "review"),
    ("review", "code"),
    ("review", "demonstrate"),
    ("review", "respond"),
    ("demonstrate", "respond"),
    ("respond", "enrich"),
    ("enrich", "__end__"),
}


def test_the_drawing_shows_every_edge_and_no_other() -> None:
    drawing = build_graph(Settings()).get_graph()
    assert {(edge.source, edge.target) for edge in drawing.edges} == EDGES
    assert set(drawing.nodes) == {"__start__", "__end__", *NODES}


def test_the_only_ways_back_are_the_repair_and_the_rounds_of_tool_calls() -> None:
    order = ["__start__", *NODES, "__end__"]
    back = {(a, b) for a, b in EDGES if order.index(a) >= order.index(b)}
    assert back == {("review", "code"), ("tools", "reason")}


def test_the_input_form_asks_for_messages_only() -> None:
    graph = build_graph(Settings())
    assert set(graph.get_input_jsonschema()["properties"]) == {"messages"}
    assert set(graph.get_output_jsonschema()["properties"]) == {"messages", "result"}


def test_the_context_form_offers_the_choices_of_a_run() -> None:
    schema = build_graph(Settings()).get_context_jsonschema()
    assert schema is not None
    assert set(schema["properties"]) == set(Context.model_fields)
    tasks = schema["properties"]["task"]["anyOf"][0]["enum"]
    assert "code_generation" in tasks
    assert schema["properties"]["tests"]["langgraph_type"] == "prompt"


def test_a_node_of_your_own_must_have_a_name_of_the_graph() -> None:
    async def node(state: object) -> dict[str, object]:
        del state
        return {}

    with pytest.raises(ValueError, match="nodes names 'reviw'"):
        build_graph(Settings(), nodes={"reviw": node})  # type: ignore[dict-item]
