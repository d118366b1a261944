"""The compiled graph with two things added: sync calls on async nodes, and one turn at a time per thread."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing
from typing import Any, Self, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from checkpoints import ThreadLocks
from graph.account import Account
from graph.bridge import LoopThread, iterate
from graph.state import Context, Input, Output, State
from nodes import BOUNDS, Bounds, Request

_Compiled = CompiledStateGraph[State, Context, Input, Output]


class DuoGraph(_Compiled):
    """A LangGraph graph whose nodes are async and whose sync methods work all the same.

    A sync call runs the async one on an event loop in a thread of its own, so it also works
    in a notebook, where the calling thread has a running loop. Two turns on one thread of a
    checkpointer queue up: LangGraph alone loses one of them (langgraph#8796).
    """

    def __init__(
        self,
        *,
        account: Account | None = None,
        locks: ThreadLocks | None = None,
        loop_thread: LoopThread | None = None,
        **kwargs: Any,  # noqa: ANN401  # what LangGraph's own copy() passes on
    ) -> None:
        super().__init__(**kwargs)
        self.account = account
        if locks is None:
            locks = getattr(self.checkpointer, "locks", None) or ThreadLocks()
        self.locks = locks
        self.loop_thread = loop_thread or LoopThread()

    @classmethod
    def of(cls, compiled: _Compiled, account: Account) -> Self:
        """The same graph as a `DuoGraph`, by the way that LangGraph copies its graphs."""
        attributes = {name: value for name, value in vars(compiled).items() if name != "__orig_class__"}
        return cls(account=account, **attributes)

    def bounds(self, context: Context | None = None) -> Bounds:
        """The most that a turn can use, computed before it runs.

        Args:
            context: What the caller would choose for the run.

        Raises:
            RuntimeError: When the graph was compiled without a bound, which `compile_graph` never does.
        """
        if self.account is None:
            raise RuntimeError("This graph has no bound: compile it with compile_graph.")
        return self.account.bounds(context)

    async def astream(
        self,
        input: Any,  # noqa: A002, ANN401  # LangGraph's name and type
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncGenerator[Any, None]:
        """Stream a turn; see LangGraph's `astream`. It starts when earlier turns on its thread have ended."""
        async with AsyncExitStack() as stack:
            config = merge_configs(self.config, config)
            thread_id = config.get("configurable", {}).get("thread_id")
            if thread_id and self.checkpointer:
                await stack.enter_async_context(self.locks.ahold(str(thread_id)))
            config = await self._bounded(input, config, kwargs.get("context"))
            turn = cast("AsyncGenerator[Any, None]", super().astream(input, config, **kwargs))
            parts = await stack.enter_async_context(aclosing(turn))
            async for part in parts:
                yield part

    async def _bounded(self, given: object, config: RunnableConfig, context: object) -> RunnableConfig:
        """Put the bound into a run's config: as its step limit, and for the answer to show."""
        if self.account is None:
            return config
        chosen = Context.model_validate(context) if isinstance(context, dict) else context
        choice = chosen if isinstance(chosen, Context) else None
        request = await self._resumed(given, config)
        bounds = await asyncio.to_thread(self.account.bounds, choice, request)  # a chain may name a file
        limit = self.account.step_limit(choice, config.get("recursion_limit"), request)
        return {
            **config,
            "recursion_limit": limit,
            "configurable": {**config.get("configurable", {}), BOUNDS: bounds},
        }

    async def _resumed(self, given: object, config: RunnableConfig) -> Request | None:
        """The request of the turn that a call goes on with: a turn keeps the limits that it began with."""
        if self.account is None or not isinstance(self.checkpointer, BaseCheckpointSaver):
            return None
        if given is not None and not isinstance(given, Command):
            return None
        before = await self.aget_state(config)
        request = before.values.get("request")
        return request if isinstance(request, Request) and self.account.is_opened(before.next) else None

    def stream(
        self,
        input: Any,  # noqa: A002, ANN401  # LangGraph's name and type
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Iterator[Any]:
        """Stream a turn from sync code; see LangGraph's `stream`."""
        return iterate(self.loop_thread, lambda: self.astream(input, config, **kwargs))
