"""Assembly: nodes and edges, written so that the code reads like the drawing."""

from collections.abc import Mapping, Sequence

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph

from graph.account import Account, declared_costs, inner_graphs
from graph.bounds import Plan
from graph.compiled import DuoGraph
from graph.guards import APPROVAL, CONSENT, REPAIRS, TOOLS, Guard, check_guards
from graph.keepers import unwrap_routers, wrap_routers
from graph.lanes import LANES, shapes_of
from graph.memory import remembering_of
from graph.routes import after_approve, after_classify, after_code, after_reason, after_recall, after_review
from graph.services import Services
from graph.settings import Settings
from graph.shape import Shape
from graph.state import STATE_TYPES, Context, Input, Output, State
from graph.tooling import longest_call, with_tools
from graph.users import Users
from nodes import (
    Approve,
    Classify,
    Code,
    Consent,
    Demonstrate,
    Enrich,
    Knowledge,
    Node,
    Reason,
    Recall,
    Remembering,
    Respond,
    Review,
    Tools,
    TurnLimits,
    Verify,
)

NODES = (
    "classify",
    "recall",
    "knowledge",
    "reason",
    "consent",
    "tools",
    "approve",
    "code",
    "verify",
    "review",
    "demonstrate",
    "respond",
    "enrich",
)
GUARDS = (REPAIRS, APPROVAL, TOOLS, CONSENT)
"""What counts each way back of the stock graph, and the question about a plan."""


def make_nodes(
    services: Services,
    limits: TurnLimits | None = None,
    *,
    types: bool = False,
    remembering: Remembering = Remembering(),  # noqa: B008  # it is frozen
    parallel_tools: int = 4,
) -> dict[str, Node]:
    """The stock nodes by name, each given its services.

    Args:
        services: Models and verifier; without a memory nothing is recalled, without a queue nothing learned.
        limits: What a turn may use when the caller does not say.
        types: Whether the type checker must pass when the caller does not say.
        remembering: Whose memory, and how much of it.
        parallel_tools: How many tool calls run at once.
    """
    memory, jobs, toolbox = services.memory, services.jobs, services.tools
    return {
        "classify": Classify(
            with_tools(limits or TurnLimits(), toolbox),
            types=types,
            has_memory=memory is not None,
            toolbox=toolbox,
        ),
        "recall": Recall(memory, remembering, embedder=services.embedder),
        "knowledge": Knowledge(services.models, memory, jobs, remembering, embedder=services.embedder),
        "reason": Reason(services.models, toolbox),
        "consent": Consent(toolbox),
        "tools": Tools(toolbox, parallel=parallel_tools),
        "approve": Approve(),
        "code": Code(services.models),
        "verify": Verify(services.verifier),
        "review": Review(services.models),
        "demonstrate": Demonstrate(services.verifier),
        "respond": Respond(),
        "enrich": Enrich(jobs, remembering),
    }


def assemble(nodes: Mapping[str, Node]) -> StateGraph[State, Context, Input, Output]:
    """The state machine, not yet compiled: add nodes or edges of your own to it if you like."""
    builder = StateGraph(State, context_schema=Context, input_schema=Input, output_schema=Output)
    for name in NODES:
        builder.add_node(name, nodes[name])
    builder.add_edge(START, "classify")
    builder.add_conditional_edges("classify", after_classify)
    builder.add_conditional_edges("recall", after_recall)
    builder.add_edge("knowledge", "respond")
    builder.add_conditional_edges("reason", after_reason)
    builder.add_edge("consent", "tools")
    builder.add_edge("tools", "reason")
    builder.add_conditional_edges("approve", after_approve)
    builder.add_conditional_edges("code", after_code)
    builder.add_edge("verify", "review")
    builder.add_conditional_edges("review", after_review)
    builder.add_edge("demonstrate", "respond")
    builder.add_edge("respond", "enrich")
    builder.add_edge("enrich", END)
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
        services: Your own in place of those that the settings describe. Memory is among them only when you
            put it there, as `Services.from_settings(settings, remembers=True)` does.
        nodes: Nodes of your own by name, in place of the stock ones.

    Raises:
        SettingsError: When a setting is wrong.
        ModelConfigError: When a chain names something that does not exist.
        ValueError: When `nodes` names a node that the graph does not have.
    """
    settings = settings or Settings()
    services = services or Services.from_settings(settings)
    stock = make_nodes(
        services,
        settings.limits,
        types=settings.verify_types,
        remembering=remembering_of(settings),
        parallel_tools=settings.parallel_tools,
    )
    if unknown := sorted(set(nodes or {}) - set(stock)):
        raise ValueError(f"nodes names {unknown[0]!r}, which the graph lacks: it has {', '.join(NODES)}.")
    builder = assemble(stock | dict(nodes or {}))
    return compile_graph(builder, services, settings=settings, checkpointer=checkpointer)


def compile_graph(  # noqa: PLR0913  # each is a choice of its own, and all but two have defaults
    builder: StateGraph[State, Context, Input, Output],
    services: Services,
    *,
    settings: Settings | None = None,
    checkpointer: BaseCheckpointSaver[str] | None = None,
    guards: Sequence[Guard] | None = None,
    fan_outs: Mapping[tuple[str, str], int] | None = None,
) -> DuoGraph:
    """Compile a state machine, yours or the stock one, with a bound on every turn.

    Args:
        builder: From `assemble`, with nodes and edges of your own; its routers are wrapped in place.
        services: What the nodes were given; the bound asks the models how long their chains are.
        settings: Read from the environment and `duograph.toml` when left out.
        checkpointer: Your own saver.
        guards: What counts each way back; when left out, those of `GUARDS` whose edge the graph has.
        fan_outs: How many copies of a node an edge may start, for routers that return `Send`s.

    Raises:
        UnguardedCycleError: When a cycle passes no guard.
        ValueError: When a guard is for an edge that the graph lacks.
    """
    settings = settings or Settings()
    unwrap_routers(builder)
    shape = Shape.of(builder, fan_outs)
    if guards is None:
        guards = [guard for guard in GUARDS if shape.is_decided(guard.source, guard.target)]
    check_guards(shape, guards, {name for schema in builder.schemas.values() for name in schema})
    wrap_routers(builder, shape, guards, LANES)
    if isinstance(checkpointer, BaseCheckpointSaver):
        names = {(kind.__module__, kind.__qualname__) for kind in STATE_TYPES}
        checkpointer = checkpointer.with_allowlist(names)
    compiled = builder.compile(checkpointer=checkpointer, name="duograph")
    lanes = shapes_of(shape, LANES)
    plan = Plan(shape, guards, declared_costs(builder), inner_graphs(compiled), lanes)
    limits, tool_s = with_tools(settings.limits, services.tools), longest_call(services.tools)
    account = Account(plan, services.models, limits, settings.verify_timeout_s, tool_s)
    return DuoGraph.of(compiled, account, thread_wait_s=settings.thread_wait_s, users=Users(settings))
