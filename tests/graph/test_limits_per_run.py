"""Limits that one run chooses: through the agent, through the context, and when a turn is resumed."""

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from graph.agent import RequestError
from graph.services import LazyVerifier
from graph.settings import Settings
from graph.state import Context, Input
from sandbox import SourceFile
from tests.support import AgentMaker

NODES = ("reason", "code", "verify", "review", "respond")
WAYS: dict[str, Command[str] | None] = {"none": None, "command": Command(update={"doubt": ""})}
# Each node and each way is among the fast ones; the other half of the pairs is slow.
RESUMED = [
    pytest.param(node, resume, marks=pytest.mark.slow if (at + way) % 2 else (), id=f"{name}-{node}")
    for way, (name, resume) in enumerate(WAYS.items())
    for at, node in enumerate(NODES)
]


@pytest.mark.parametrize(("stop_before", "resume"), RESUMED)
def test_a_resumed_turn_keeps_the_limits_that_it_began_with(
    make_agent: AgentMaker, stop_before: str, resume: Command[str] | None
) -> None:
    wrong = [
        {"content": f"```python solution.py\ndef double(x):\n    return x + {n}\n```"} for n in (3, 4, 5, 6)
    ]
    plan = {"content": "Double.\n\n```python acceptance\nassert double(2) == 4\n```", "repeat": True}
    agent = make_agent([plan], wrong)
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    began = Context(max_repairs=3)
    asked = Input(messages=[HumanMessage("Write a function double(x)")])
    agent.graph.invoke(asked, config, context=began, interrupt_before=[stop_before])
    result = agent.graph.invoke(resume, config, context=Context(max_repairs=0, max_model_calls=1))["result"]
    assert result.stop_reason == "repairs_exhausted"
    assert result.bounds.model_copy(update={"used": None}) == agent.graph.bounds(began)
    assert result.bounds.used.supersteps == result.bounds.supersteps
    asked = Input(messages=[HumanMessage("Write a function double(x)")])
    # The next turn has the limits of its own call again.
    after = agent.graph.invoke(asked, config, context=Context(max_repairs=0))["result"]
    assert after.bounds.model_copy(update={"used": None}) == agent.graph.bounds(Context(max_repairs=0))


def test_a_run_may_choose_its_limits_through_the_agent(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": "plan", "repeat": True}], [{"content": "none", "repeat": True}])
    result = agent.ask("Write a function double(x)", context=Context(max_model_calls=1))
    assert result.stop_reason == "model_call_limit"
    assert result.bounds is not None
    assert result.bounds.model_calls == 1


def test_the_library_says_before_the_turn_what_no_money_limit_covers(
    make_agent: AgentMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    agent = make_agent([{"content": "an answer", "repeat": True}], [{"content": "none"}])
    context = Context(max_cost_usd=1, coding_model="openai:mystery@https://models.example.invalid/v1")
    seen = [type(event).__name__ for event in agent.stream("What is this?", context=context)]
    assert seen.index("Noted") < seen.index("Token")
    assert "Noted" not in [type(event).__name__ for event in agent.stream("What is this?")]


def test_a_context_and_an_argument_go_together_and_the_argument_wins(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": "an answer", "repeat": True}], [{"content": "none", "repeat": True}])
    chosen = Context(task="general", max_repairs=0)
    assert agent.ask("Write a function double(x)", context=chosen).task == "general"
    assert agent.ask("Write a function double(x)", context=chosen, task="planning").task == "planning"
    with pytest.raises(RequestError, match=r"The argument context is {'max_repairs': 0}: pass Context"):
        agent.ask("Hello", context={"max_repairs": 0})  # type: ignore[arg-type]  # what is tested


async def test_opening_the_sandbox_is_cut_by_what_is_left_of_the_turn() -> None:
    verifier = LazyVerifier(Settings())
    files = [SourceFile(path="solution.py", content="def f() -> int:\n    return 1\n")]
    late = await verifier.verify(files, seconds=0.0001)
    assert (late.status, late.reason) == ("not_executed", "the time was over before a sandbox was open")
    assert (await verifier.verify(files, seconds=60)).status == "verified"
