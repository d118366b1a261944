"""What our graph promises the saver: nothing but its reducers runs before its first node."""

from pathlib import Path

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START

from graph.build import assemble, make_nodes
from graph.saver import open_saver
from graph.services import Services
from graph.settings import Settings
from nodes import add_messages


def test_no_function_chooses_the_first_node(tmp_path: Path) -> None:
    """It would be given the conversation where the saver looks for no change in it."""
    builder = assemble(make_nodes(Services.from_settings(Settings(home=tmp_path))))
    assert START not in builder.branches


def test_our_reducer_is_the_states_and_leaves_messages_alone(tmp_path: Path) -> None:
    builder = assemble(make_nodes(Services.from_settings(Settings(home=tmp_path))))
    assert builder.channels["messages"].operator is add_messages  # type: ignore[attr-defined]
    old = HumanMessage("old", id="a")
    made = add_messages([old], [AIMessage("edited", id="a")])
    assert [one.content for one in made] == ["edited"]
    assert old == HumanMessage("old", id="a")


def test_a_saver_of_our_graph_trusts_its_reducers(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db") as saver:
        assert saver._builder._trusts_reducers  # type: ignore[attr-defined]  # noqa: SLF001  # nothing tells it
