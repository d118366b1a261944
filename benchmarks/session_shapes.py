"""The graphs and the savers that the sessions benchmark compares."""

from __future__ import annotations

import random
import string
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypeAlias, cast

import aiosqlite
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages as langgraphs_add_messages
from typing_extensions import TypedDict

from checkpoints import open_saver as open_any_saver
from graph.saver import open_saver
from nodes import add_messages

NODES = ("classify", "plan", "code", "review", "respond")

Saver: TypeAlias = BaseCheckpointSaver[Any] | None
Opens: TypeAlias = Callable[[Path], AbstractAsyncContextManager[Saver]]

_random = random.Random(7)  # noqa: S311  # the same texts in every run


def text(length: int) -> str:
    """Letters that no compression would shrink much."""
    return "".join(_random.choices(string.ascii_letters + " ", k=length))


_PLAN, _CODE, _VERDICT = text(20_000), text(40_000), text(10_000)


def part(whole: str, length: int) -> str:
    """Some of a text, a different part each time: drawing letters would cost more than what is measured."""
    start = _random.randrange(len(whole) - length)
    return whole[start : start + length]


class Conversation(TypedDict, total=False):
    """Five nodes: 1 KB messages, 2 KB plan, 4 KB code, 1 KB verdict; the reducer is that of our graph."""

    messages: Annotated[list[AnyMessage], add_messages]
    route: str
    plan: str
    code: str
    verdict: str


class StockConversation(Conversation, total=False):
    """The same with LangGraph's own reducer."""

    messages: Annotated[list[AnyMessage], langgraphs_add_messages]


class Small(TypedDict, total=False):
    """Five nodes that write 100 bytes each."""

    text: str
    classify: str
    plan: str
    code: str
    review: str
    respond: str


def conversation(schema: type = Conversation) -> StateGraph[Any, None, Any, Any]:
    """The shape of a coding turn."""
    updates: dict[str, Callable[[], Conversation]] = {
        "classify": lambda: {"route": "code"},
        "plan": lambda: {"plan": part(_PLAN, 2000)},
        "code": lambda: {"code": part(_CODE, 4000)},
        "review": lambda: {"verdict": part(_VERDICT, 1000)},
        "respond": lambda: {"messages": [AIMessage(part(_PLAN, 1000))]},
    }
    return _line(schema, updates)


def small() -> StateGraph[Any, None, Any, Any]:
    """As little work as a superstep can be."""
    updates = {name: (lambda name=name: {name: "x" * 100}) for name in NODES}
    return _line(Small, updates)


def _line(schema: type, updates: Mapping[str, Callable[[], Any]]) -> StateGraph[Any, None, Any, Any]:
    builder: Any = StateGraph(schema)  # its state is known to nobody
    for name in NODES:

        async def node(_: Any, *, update: Callable[[], Any] = updates[name]) -> Any:  # noqa: ANN401  # any schema
            return update()

        builder.add_node(name, node)
    for source, target in zip((START, *NODES), (*NODES, END), strict=True):
        builder.add_edge(source, target)
    return cast("StateGraph[Any, None, Any, Any]", builder)


@asynccontextmanager
async def nothing(_: Path) -> AsyncIterator[Saver]:
    """No saver."""
    yield None


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[Saver]:
    """LangGraph's saver that keeps nothing on disk."""
    yield InMemorySaver()


class Idle(BaseCheckpointSaver[Any]):
    """As little as a saver can do: it gives back the last checkpoint, and neither copies nor keeps it."""

    def __init__(self) -> None:
        """Nothing was put yet."""
        super().__init__()
        self._last: dict[str, CheckpointTuple] = {}

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Give what was put last."""
        return self._last.get(config["configurable"]["thread_id"])

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,  # noqa: ARG002  # of the base class
    ) -> RunnableConfig:
        """Take the very objects."""
        thread = config["configurable"]["thread_id"]
        place: RunnableConfig = {
            "configurable": {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": checkpoint["id"]}
        }
        self._last[thread] = CheckpointTuple(place, checkpoint, metadata, None, [])
        return place

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Do nothing."""


@asynccontextmanager
async def idle(_: Path) -> AsyncIterator[Saver]:
    """What LangGraph itself takes as soon as there is a saver, whichever."""
    yield Idle()


@asynccontextmanager
async def stock(path: Path) -> AsyncIterator[Saver]:
    """LangGraph's SQLite saver, as its documentation opens it."""
    async with aiosqlite.connect(path) as conn:
        yield AsyncSqliteSaver(conn)


@asynccontextmanager
async def ours(path: Path) -> AsyncIterator[Saver]:
    """Ours, as our graph has it, with the default retention: the last 20 turns."""
    async with open_saver(path) as saver:
        yield saver


@asynccontextmanager
async def ours_for_any_graph(path: Path) -> AsyncIterator[Saver]:
    """Ours, as a graph of whose reducers nothing is known has it."""
    async with open_any_saver(path) as saver:
        yield saver
