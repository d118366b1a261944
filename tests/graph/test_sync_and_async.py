"""The compiled graph and the agent work from sync code, async code, threads and several loops."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from checkpoints import open_saver
from duograph import Finished, NodeStarted, Settings, Started, Token, build_graph
from graph.state import Input
from tests.support import ASK, GOOD, PLAN, AgentMaker


def hello() -> Input:
    return {"messages": [HumanMessage("hello")]}  # a new one each time: LangGraph gives it its id


def test_a_graph_without_a_saver_works_in_every_way() -> None:
    graph = build_graph(Settings())
    assert "offline" in graph.invoke(hello())["result"].answer
    assert "offline" in asyncio.run(graph.ainvoke(hello()))["result"].answer
    assert any("respond" in part for part in graph.stream(hello(), stream_mode="updates"))


async def test_sync_calls_work_while_a_loop_is_running_as_in_a_notebook() -> None:
    graph = build_graph(Settings(), checkpointer=InMemorySaver())
    config: RunnableConfig = {"configurable": {"thread_id": "one"}}
    assert graph.invoke(hello(), config)["result"].thread_id == "one"
    assert len((await graph.aget_state(config)).values["messages"]) == 2


def test_leaving_a_sync_stream_early_ends_the_turn(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": "late", "delay_s": 60}], [{}])
    events = agent.stream("hello")
    assert isinstance(next(events), Started)
    events.close()  # type: ignore[attr-defined]  # a generator
    assert asyncio.all_tasks(agent.graph.loop_thread.loop()) == set()


UNCLOSED = """
from duograph import Agent, Settings
agent = Agent(Settings(home={home!r}))
print(agent.ask("hello").status)
"""

ABANDONED = """
import faulthandler, gc
from duograph import Settings, build_graph
faulthandler.dump_traceback_later(20, exit=True)
hello = {{"messages": [("user", "hello")]}}

async def review(state):
    gc.collect()  # finds the abandoned stream below, on the loop's own thread
    return {{"answer": "collected", "stop_reason": "completed"}}

graph = build_graph(Settings(home={home!r}), nodes={{"reason": review}})
stream = graph.stream(hello, stream_mode="updates")
next(stream)
cycle = [stream]
cycle.append(cycle)
del stream, cycle
print(graph.invoke(hello)["result"].answer)
"""


@pytest.mark.parametrize(
    ("program", "printed"),
    [(UNCLOSED, "done"), pytest.param(ABANDONED, "collected", marks=pytest.mark.slow)],
)
def test_a_program_that_closes_nothing_still_ends(tmp_path: Path, program: str, printed: str) -> None:
    code = program.format(home=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, printed), done.stderr


def test_one_agent_serves_two_loops_one_after_the_other(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": "yes", "repeat": True}], [{}])
    for _ in range(2):
        assert asyncio.run(agent.aask("hello")).answer == "yes"
    assert agent.ask("hello").answer == "yes"


def test_two_turns_on_one_thread_queue_up(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": "yes", "delay_s": 0.02, "repeat": True}], [{}])
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda n: agent.ask(f"hello {n}", thread_id="shared"), range(4)))
    assert len({result.run_id for result in results}) == 4
    session = agent.sessions.show("shared")
    assert len(session.messages) == 8
    assert [message.role for message in session.messages] == ["user", "assistant"] * 4


async def test_two_async_turns_on_one_thread_queue_up(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": "yes", "delay_s": 0.02, "repeat": True}], [{}])
    await asyncio.gather(*(agent.aask(f"hello {n}", thread_id="shared") for n in range(4)))
    assert len(agent.sessions.show("shared").messages) == 8


async def test_the_graph_itself_queues_turns_too(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": "yes", "delay_s": 0.02, "repeat": True}], [{}])
    config: RunnableConfig = {"configurable": {"thread_id": "shared"}}
    await asyncio.gather(*(agent.graph.ainvoke(hello(), config) for _ in range(5)))
    assert len(agent.sessions.show("shared").messages) == 10


async def test_events_tell_the_turn_in_order(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [{"content": f"<think>hm</think>{PLAN}"}, {"content": "VERDICT: PASS"}], [{"content": GOOD}]
    )
    events = [event async for event in agent.astream(ASK)]
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    nodes = [event.node for event in events if isinstance(event, NodeStarted)]
    assert nodes == ["classify", "recall", "reason", "code", "verify", "review", "respond", "enrich"]
    tokens = "".join(event.text for event in events if isinstance(event, Token) and event.node == "reason")
    assert tokens == PLAN


async def test_a_cancelled_turn_leaves_a_thread_that_goes_on(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": "late", "delay_s": 60}, {"content": "yes"}], [{}])
    turn = asyncio.create_task(agent.aask("hello", thread_id="shared"))
    await asyncio.sleep(0.3)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert (await agent.aask("hello again", thread_id="shared")).answer == "yes"


def test_what_a_session_holds_is_read_back_by_a_new_agent(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}, {"content": "VERDICT: PASS"}], [{"content": GOOD}])
    result = agent.ask(ASK)
    agent.close()
    with open_saver(agent.settings.database_path) as saver:
        graph = build_graph(Settings(), checkpointer=saver)
        state = graph.get_state({"configurable": {"thread_id": result.thread_id}})
    assert state.values["result"] == result


async def test_turns_queue_up_however_the_graph_was_configured(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": "yes", "delay_s": 0.02, "repeat": True}], [{}])
    config: RunnableConfig = {"configurable": {"thread_id": "shared"}}
    bound = agent.graph.with_config(config)
    other = build_graph(agent.settings, checkpointer=agent.graph.checkpointer)  # type: ignore[arg-type]
    await asyncio.gather(
        bound.ainvoke(hello()),
        bound.with_config(tags=["x"]).ainvoke(hello()),
        agent.graph.with_config(run_name="mine").ainvoke(hello(), config),
        other.ainvoke(hello(), config),
        agent.aask("hello", thread_id="shared"),
    )
    assert len(agent.sessions.show("shared").messages) == 10


async def test_two_agents_on_one_file_queue_up_too(make_agent: AgentMaker) -> None:
    lines = [{"content": "yes", "delay_s": 0.02, "repeat": True}]
    agents = [make_agent(lines, [{}]) for _ in range(2)]
    await asyncio.gather(*(agents[n % 2].aask(f"hello {n}", thread_id="shared") for n in range(8)))
    assert len(agents[0].sessions.show("shared").messages) == 16
