"""A program that takes turns until it is killed: for each line that it reads, a fresh fork of it.

Its log has a line for each node as it begins. With durability `sync` LangGraph begins a node once the
superstep before it is stored, so each line also says what must be found after a kill.
"""

import asyncio
import operator
import os
import random
import sys
from pathlib import Path
from typing import Annotated

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from checkpoints import open_saver

NODES = ("plan", "code", "review", "respond")
THREADS = 8


class State(TypedDict, total=False):
    """What the turns keep."""

    messages: Annotated[list[AnyMessage], add_messages]
    done: Annotated[list[str], operator.add]
    turn: int
    plan: str


Graph = CompiledStateGraph[State, None, State, State]


def build(saver: BaseCheckpointSaver[str], thread: str, log: int) -> Graph:
    """A graph whose nodes note in the log that they begin."""

    def note(state: State, node: str) -> str:
        step = f"{state['turn']}:{node}"
        os.write(log, f"{thread} {step}\n".encode())
        return step

    def make(node: str) -> object:
        async def work(state: State) -> State:
            step = note(state, node)
            await asyncio.sleep(random.uniform(0, 0.002))  # noqa: S311  # no secret
            update = State(done=[step], plan=f"{step} " * random.randrange(400))  # noqa: S311  # the same
            if node == "respond":
                update["messages"] = [AIMessage(f"{step} answered " * 50, id=step)]
            return update

        return work

    builder = StateGraph(State)
    for node in NODES:
        builder.add_node(node, make(node))  # type: ignore[call-overload]
    for source, target in zip((START, *NODES), (*NODES, END), strict=True):
        builder.add_edge(source, target)
    return builder.compile(checkpointer=saver)


async def take_turns(path: str, log: int) -> None:
    """Go on with each thread where it is, then take turn after turn on all of them at once."""
    async with open_saver(path, keep_turns=3) as saver:

        async def turns(thread: str) -> None:
            graph = build(saver, thread, log)
            place: RunnableConfig = {"configurable": {"thread_id": thread}}
            turn = (await graph.aget_state(place)).values.get("turn", 0)
            while True:
                turn += 1
                asked = State(messages=[HumanMessage(f"question {turn} " * 50, id=f"q{turn}")], turn=turn)
                await graph.ainvoke(asked, place, durability="sync")

        await asyncio.gather(*(turns(f"thread-{number}") for number in range(THREADS)))


def main(path: str, log_path: str) -> None:
    """Fork, say who, and wait until somebody killed it."""
    log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    print("ready", flush=True)  # noqa: T201  # the test waits for it
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(take_turns(path, log))
            os._exit(1)
        print(pid, flush=True)  # noqa: T201  # the test kills it
        os.waitpid(pid, 0)
        print("gone", flush=True)  # noqa: T201  # the test waits for it


if __name__ == "__main__":
    main(*map(str, map(Path, sys.argv[1:])))
