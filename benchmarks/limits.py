"""What limits, bounds and the account of a turn cost in each superstep, with models that answer at once.

The peer is a plain LangGraph graph of six nodes of the same names, edges and work, with a counter for repairs
and nothing else: no limits, no bound, no account, no lock per thread, no typed result.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from benchmarks.measure import arguments, compare, show
from graph.build import assemble, build_graph, make_nodes
from graph.services import Services
from graph.settings import Settings
from nodes.fences import solution_files
from nodes.plans import read_plan
from nodes.prompting import fence, prompt
from nodes.show import show_evidence, show_failure, show_files
from providers import Call, ChainFacts, Price, Reply, Role, Step, Structured
from sandbox import Check, Evidence, SourceFile

TURNS = 20
"""Turns in one measurement."""

SUPERSTEPS = 10
"""Of each turn, with its one repair; the input's own counts."""

ASK = "Write a Python function double(x) that doubles a number"
PLAN = "1. Multiply by two.\n\n```python acceptance\nassert double(2) == 4\n```"
ANSWER = "```python solution.py\ndef double(x: int) -> int:\n    return {}\n```"


class InstantModels:
    """Models that answer at once: a plan, a wrong solution, a right one, a verdict."""

    async def reply(self, role: Role, messages: Sequence[BaseMessage], *, step: Step, **_: object) -> Reply:
        """Answer from what was asked."""
        repairing = "<failure>" in str(messages[-1].text)
        text = ANSWER.format("2 * x" if repairing else "x") if role == "coding" else PLAN
        text = "VERDICT: PASS" if step == "judge" else text
        call = Call(
            role=role,
            step=step,
            backend="instant",
            model_id="instant",
            latency_s=0,
            input_tokens=1,
            output_tokens=1,
            cost_usd=0,
        )
        return Reply(text, calls=[call])

    async def reply_as(self, *_: object, **__: object) -> Structured[Any]:
        """Nothing here asks for an answer in a form."""
        raise NotImplementedError

    def facts(self, _role: Role, _chain: str | None = None) -> ChainFacts:
        """One free model."""
        return ChainFacts(1, 1.0, (Price(0, 0, "instant"),), ("instant",))

    async def aclose(self) -> None:
        """Nothing to close."""


class InstantVerifier:
    """Says at once what the sandbox would."""

    async def verify(self, files: Sequence[SourceFile], **_: object) -> Evidence:
        """Pass the right solution."""
        passed = "2 * x" in files[0].content
        checks = [Check(name="import", passed=True), Check(name="acceptance", passed=passed)]
        return Evidence(status="verified" if passed else "failed", checks=checks, sandbox="instant")


class State(TypedDict, total=False):
    """What the plain graph keeps."""

    messages: Annotated[list[AnyMessage], add_messages]
    text: str
    plan: str
    acceptance: str
    files: list[SourceFile]
    evidence: Evidence | None
    diagnosis: str
    repairs: int
    answer: str


class Plain:
    """The six nodes without limits and accounts."""

    def __init__(self) -> None:
        self.models, self.verifier = InstantModels(), InstantVerifier()

    async def ask(self, role: Role, step: Step, *parts: str) -> str:
        """One question."""
        messages = [SystemMessage(prompt(step)), HumanMessage("\n\n".join(filter(None, parts)))]
        return (await self.models.reply(role, messages, step=step)).text

    async def classify(self, state: State) -> State:
        """Take the request."""
        return State(text=str(state["messages"][-1].text), repairs=0, evidence=None, diagnosis="", files=[])

    async def reason(self, state: State) -> State:
        """Plan."""
        text = await self.ask("reasoning", "plan", fence("request", state["text"]))
        plan, acceptance = read_plan(text)
        return State(plan=plan, acceptance=acceptance)

    async def code(self, state: State) -> State:
        """Write, or repair."""
        evidence = state.get("evidence")
        parts = [fence("request", state["text"]), fence("plan", state["plan"])]
        if evidence is not None:
            parts += [fence("solution", show_files(state["files"])), fence("failure", show_failure(evidence))]
        return State(files=solution_files(await self.ask("coding", "code", *parts)))

    async def verify(self, state: State) -> State:
        """Run it."""
        return State(evidence=await self.verifier.verify(state["files"]))

    async def review(self, state: State) -> State:
        """Judge or explain."""
        evidence = state["evidence"]
        passed = evidence is not None and evidence.status == "verified"
        step: Step = "judge" if passed else "diagnose"
        failure = "" if evidence is None else fence("failure", show_failure(evidence))
        parts = (fence("request", state["text"]), fence("solution", show_files(state["files"])), failure)
        return State(
            diagnosis=await self.ask("reasoning", step, *parts), repairs=state["repairs"] + (not passed)
        )

    async def respond(self, state: State) -> State:
        """Answer."""
        evidence = state["evidence"]
        proof = "" if evidence is None else show_evidence(evidence)
        answer = f"{show_files(state['files'])}\n\n{proof}"
        return State(messages=[AIMessage(answer)], answer=answer)

    def build(self) -> StateGraph[State, None, State, State]:
        """Wire them as Duograph is wired."""
        builder = StateGraph(State)
        for name in ("classify", "reason", "code", "verify", "review", "respond"):
            builder.add_node(name, getattr(self, name))
        builder.add_edge(START, "classify")
        builder.add_conditional_edges("classify", _to_reason)
        builder.add_conditional_edges("reason", _to_code)
        builder.add_conditional_edges("code", _to_verify)
        builder.add_edge("verify", "review")
        builder.add_conditional_edges("review", _again)
        builder.add_edge("respond", END)
        return builder


def _to_reason(state: State) -> Literal["reason", "respond"]:
    return "reason" if state["text"] else "respond"


def _to_code(state: State) -> Literal["code", "respond"]:
    return "code" if state["plan"] else "respond"


def _to_verify(state: State) -> Literal["verify", "respond"]:
    return "verify" if state["files"] else "respond"


def _again(state: State) -> Literal["code", "respond"]:
    evidence = state["evidence"]
    failed = evidence is not None and evidence.status == "failed"
    return "code" if failed and state["repairs"] < SUPERSTEPS else "respond"


def turns(runner: asyncio.Runner, graph: Any) -> Callable[[], object]:  # noqa: ANN401  # any compiled graph
    """A call that plays so many turns."""

    async def play() -> None:
        for _ in range(TURNS):
            steps = [
                part async for part in graph.astream({"messages": [HumanMessage(ASK)]}, stream_mode="updates")
            ]
            if len(steps) + 1 != SUPERSTEPS:
                raise RuntimeError(f"The turn took {len(steps) + 1} supersteps and not {SUPERSTEPS}.")

    def call() -> None:
        work: Coroutine[Any, Any, None] = play()
        runner.run(work)

    return call


def main() -> None:
    """Compare and print."""
    options = arguments("Limits and bookkeeping per superstep.", repeat=30)
    settings = Settings()
    services = Services(InstantModels(), InstantVerifier())
    with asyncio.Runner() as runner:
        rows = compare(
            {
                "plain LangGraph": turns(runner, Plain().build().compile()),
                "Duograph's nodes, no guards": turns(runner, assemble(make_nodes(services)).compile()),
                "Duograph": turns(runner, build_graph(settings, services=services)),
            },
            repeat=options.repeat,
        )
    each = {row.name: round(row.median_ms * 1000 / TURNS / SUPERSTEPS, 1) for row in rows}
    if options.json:
        print(json.dumps([asdict(row) | {"us_per_superstep": each[row.name]} for row in rows]))
        return
    show(rows, as_json=False)
    print(f"\nµs per superstep ({TURNS} turns of {SUPERSTEPS} supersteps in each measurement):")
    for name, took in each.items():
        print(f"{name}: {took}, {took - each['plain LangGraph']:+.1f}")


if __name__ == "__main__":
    main()
