"""Assembly: nodes and edges, written so that the code reads like the drawing."""

from collections.abc import Mapping

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph

from graph.compiled import DuoGraph
from graph.limits import superstep_limit
from graph.routes import after_classify, after_code, after_reason, after_review
from graph.services import Services
from graph.settings import Settings
from graph.state import STATE_TYPES, Context, Input, Output, State
from nodes import Classify, Code, Node, Reason, Respond, Review, Verify

NODES = ("classify", "reason", "code", "verify", "review", "respond")


def make_nodes(services: Services, *, max_repairs: int = 2) -> dict[str, Node]:
    """The stock nodes by name, each given its services.

    Args:
        services: Models and verifier.
        max_repairs: Repairs a turn may use when the caller does not say.
    """
    return {
        "classify": Classify(max_repairs=max_repairs),
        "reason": Reason(services.models),
        "code": Code(services.models),
        "verify": Verify(services.verifier),
        "review": Review(services.models),
        "respond": Respond(),
    }


def assemble(nodes: Mapping[str, Node]) -> StateGraph[State, Context, Input, Output]:
    """The state machine, not yet compiled: add nodes or edges of your own to it if you like."""
    builder = StateGraph(State, context_schema=Context, input_schema=Input, output_schema=Output)
    for name in NODES:
        builder.add_node(name, nodes[name])
    builder.add_edge(START, "classify")
    builder.add_conditional_edges("classify", after_classify)
    builder.add_conditional_edges("reason", after_reason)
    builder.add_conditional_edges("code", after_code)
    builder.add_edge("verify", "review")
    builder.add_conditional_edges("review", after_review)
    builder.add_edge("respond", END)
    return builder


def build_graph(
    settings: Settings | None = None,
    *,
    checkpointer: BaseCheckpointSaver[str] | None = None,
    services: Services | None = None,
    nodes: Mapping[str, Node] | None = None,
) -> DuoGraph:
    """The compiled graph: `invoke`, `ainvoke`, `stream` and `astream` all work on it.

    Args:
        settings: Read from the environment and `duograph.toml` when left out.
        checkpointer: Your own saver; without one nothing is remembered between turns.
        services: Your own models or verifier in place of those that the settings describe.
        nodes: Nodes of your own by name, in place of the stock ones.

    Raises:
        SettingsError: When a setting is wrong.
        ModelConfigError: When a chain names something that does not exist.
        ValueError: When `nodes` names a node that the graph does not have.
    """
    settings = settings or Settings()
    stock = make_nodes(services or Services.from_settings(settings), max_repairs=settings.max_repairs)
    if unknown := sorted(set(nodes or {}) - set(stock)):
        raise ValueError(f"nodes names {unknown[0]!r}, which the graph lacks: it has {', '.join(NODES)}.")
    if checkpointer is not None:
        names = {(kind.__module__, kind.__qualname__) for kind in STATE_TYPES}
        checkpointer = checkpointer.with_allowlist(names)
    compiled = assemble(stock | dict(nodes or {})).compile(checkpointer=checkpointer, name="duograph")
    return DuoGraph.of(compiled).with_config(recursion_limit=superstep_limit())
