"""A program that finishes one of two nodes that run side by side, and stays in the other until it is killed.

Called with the session database, a log that each node adds a line to, and how the second node spends its
time: `waits` (for a model, say) or `computes`, which gives the event loop no turn.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from checkpoints import SessionSaver, open_saver


class State(TypedDict, total=False):
    """What the nodes say."""

    quick: str
    slow: str


def build(saver: SessionSaver, log: Path, how: str) -> CompiledStateGraph[State, Any, State, State]:
    """The two nodes; `how` is as above, or empty for a second node that ends at once."""

    def note(name: str) -> None:
        with log.open("a") as lines:
            lines.write(f"{name}\n")

    async def quick(state: State) -> State:  # noqa: ARG001  # LangGraph names it
        note("quick")
        return State(quick="done")

    async def slow(state: State) -> State:  # noqa: ARG001
        await asyncio.sleep(0.01 if how else 0)  # until the other one's writes were put
        note("slow")
        if how == "waits":
            await asyncio.sleep(600)
        if how == "computes":
            time.sleep(600)  # noqa: ASYNC251  # as a node may
        return State(slow="done")

    builder = StateGraph(State)
    builder.add_node("quick", quick)
    builder.add_node("slow", slow)
    builder.add_edge(START, "quick")
    builder.add_edge(START, "slow")
    return builder.compile(checkpointer=saver)


async def main(path: str, log: str, how: str) -> None:
    """Run until killed."""
    async with open_saver(path) as saver:
        graph = build(saver, Path(log), how)
        await graph.ainvoke(State(), {"configurable": {"thread_id": "t"}})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
