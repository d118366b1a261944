"""The compiled graph with two things added: sync calls on async nodes, and one turn at a time per thread."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing
from datetime import datetime
from typing import Any, Self, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph._internal._constants import CONFIG_KEY_RUNTIME, CONFIG_KEY_TASK_ID
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Send, StateSnapshot

from checkpoints import ThreadLocks, UnknownThreadError
from graph.account import Account
from graph.bridge import iterate
from graph.state import Context, Input, Output, State
from graph.users import Users
from nodes import BOUNDS, WALK, Bounds, Request, Spending, Walk
from providers.direct.loop_thread import LoopThread

_Compiled = CompiledStateGraph[State, Context, Input, Output]


class DuoGraph(_Compiled):
    """A LangGraph graph whose nodes are async and whose sync methods work all the same.

    A sync call runs the async one on an event loop in a thread of its own, so it also works
    in a notebook, where the calling thread has a running loop. Two turns on one thread of a
    checkpointer queue up, those of other processes on its file too: LangGraph alone loses
    one of them (langgraph#8796).
    """

    def __init__(
        self,
        *,
        account: Account | None = None,
        locks: ThreadLocks | None = None,
        thread_wait_s: float | None = None,
        loop_thread: LoopThread | None = None,
        users: Users | None = None,
        **kwargs: Any,  # noqa: ANN401  # what LangGraph's own copy() passes on
    ) -> None:
        super().__init__(**kwargs)
        self.account = account
        # Of the saver in use, as a copy with another saver is given the locks of the graph before it.
        self.locks: ThreadLocks = getattr(self.checkpointer, "locks", None) or locks or ThreadLocks()
        self.thread_wait_s = thread_wait_s
        self.loop_thread = loop_thread or LoopThread()
        self.users = users

    @classmethod
    def of(
        cls,
        compiled: _Compiled,
        account: Account,
        *,
        thread_wait_s: float | None = None,
        users: Users | None = None,
    ) -> Self:
        """The same graph as a `DuoGraph`, by the way that LangGraph copies its graphs.

        Args:
            compiled: The graph.
            account: Says what a turn can use.
            thread_wait_s: Seconds that a turn waits for an earlier one on its thread; None waits without end.
            users: Knows what those prefer whose runs it serves; None when nobody does.
        """
        attributes = {name: value for name, value in vars(compiled).items() if name != "__orig_class__"}
        return cls(account=account, thread_wait_s=thread_wait_s, users=users, **attributes)

    def bounds(self, context: Context | None = None) -> Bounds:
        """The most that a turn can use, computed before it runs. Blocks when the context names a user.

        Args:
            context: What the caller would choose for the run.

        Raises:
            SettingsError: When the user that it names has wrong settings.
            RuntimeError: When the graph was compiled without a bound, which `compile_graph` never does.
        """
        if self.account is None:
            raise RuntimeError("This graph has no bound: compile it with compile_graph.")
        if self.users is not None and self.users.names_one(context, {}):
            context = self.users.chosen(context, {})
        return self.account.bounds(context)

    async def astream(
        self,
        input: Any,  # noqa: A002, ANN401  # LangGraph's name and type
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncGenerator[Any, None]:
        """Stream a turn; see LangGraph's `astream`. It starts when earlier turns on its thread have ended.

        Raises:
            ThreadBusyError: When they had not ended after `thread_wait_s`; nothing was run then.
        """
        async with AsyncExitStack() as stack:
            config = merge_configs(self.config, config)
            configurable = config.get("configurable", {})
            thread_id = configurable.get("thread_id")
            # Inside a node the turn around it holds the thread already.
            if thread_id and self.checkpointer and CONFIG_KEY_TASK_ID not in configurable:
                await stack.enter_async_context(
                    self.locks.ahold(str(thread_id), timeout_s=self.thread_wait_s)
                )
            await self._check_step(configurable)
            before = await self._resumed(input, config)
            kwargs["context"] = await self._of_user(kwargs.get("context"), configurable)
            config = await self._bounded(before, config, kwargs.get("context"))
            given = input if before is None else self._going_on(input, before)
            turn = cast("AsyncGenerator[Any, None]", super().astream(given, config, **kwargs))
            parts = await stack.enter_async_context(aclosing(turn))
            async for part in parts:
                yield part

    async def _of_user(self, context: object, configurable: Mapping[str, Any]) -> object:
        """A run's context with what its user prefers; as it is when it names none, or inside a node."""
        users, choice = self.users, _chosen(context, configurable)
        if users is None or CONFIG_KEY_TASK_ID in configurable or not users.names_one(choice, configurable):
            return context
        return await asyncio.to_thread(users.chosen, choice, configurable)

    async def _check_step(self, configurable: Mapping[str, Any]) -> None:
        """Refuse a step that is not kept: LangGraph would begin anew from it, without a word.

        Raises:
            UnknownThreadError: When the run names such a step.
        """
        step = configurable.get("checkpoint_id")
        saver = self.checkpointer
        if not step or CONFIG_KEY_TASK_ID in configurable or not isinstance(saver, BaseCheckpointSaver):
            return
        place = {name: configurable[name] for name in ("thread_id", "checkpoint_id") if name in configurable}
        namespace = configurable.get("checkpoint_ns", "")
        found = await saver.aget_tuple({"configurable": {**place, "checkpoint_ns": namespace}})
        if found is None:
            raise UnknownThreadError(
                f"The session {configurable.get('thread_id')} has no step {step}: it was pruned, or never "
                "was. `duograph sessions show THREAD --steps` lists those that are kept."
            )

    async def _bounded(
        self, before: StateSnapshot | None, config: RunnableConfig, context: object
    ) -> RunnableConfig:
        """Put the bound into a run's config: as its step limit, and for its routers and its answer."""
        if self.account is None:
            return config
        account, configurable = self.account, config.get("configurable", {})
        choice = _chosen(context, configurable)
        following = following_in(before) if before else ()
        request = before.values.get("request") if before and account.is_opened(following) else None
        request = request if isinstance(request, Request) else None

        def compute() -> tuple[Bounds, int]:  # a chain may name a file, and a large graph takes a while
            asked = config.get("recursion_limit")
            return account.bounds(choice, request), account.step_limit(choice, asked, request, following)

        bounds, limit = await asyncio.to_thread(compute)
        walk = Walk(
            account.limits(choice, request),
            is_resumed=before is not None,
            after_answer=account.plan.after_answer,
            again=set(following),
        )
        return {
            **config,
            "recursion_limit": limit,
            "configurable": {**configurable, BOUNDS: bounds, WALK: walk},
        }

    async def _resumed(self, given: object, config: RunnableConfig) -> StateSnapshot | None:
        """Where a turn stands that a call goes on with; None for a new turn."""
        if self.account is None or not isinstance(self.checkpointer, BaseCheckpointSaver):
            return None
        if given is not None and not isinstance(given, Command):
            return None
        if isinstance(given, Command) and not self.account.is_opened(_names(given.goto)):
            return None
        return await self.aget_state(config)

    def _going_on(self, given: Any, before: StateSnapshot) -> Any:  # noqa: ANN401  # as `astream` takes it
        """What a turn goes on with that was cut off: its deadline does not count the time it lay still.

        A plan that waited for a person is not meant; `approve` counts that time itself.
        """
        spending = before.values.get("spending")
        if given == Command() and before.interrupts:
            return (
                None  # an answer that is nothing asks once more; LangGraph fails on it with a bug of its own
            )
        asked = Command() if given is None else given
        if before.interrupts or not isinstance(asked, Command) or asked.resume is not None or asked.goto:
            return given
        if not isinstance(asked.update, dict | None):
            return given
        if not isinstance(spending, Spending) or before.created_at is None:
            return given
        following = following_in(before)
        if not following or self.account is None or not self.account.is_opened(following):
            return given
        # The last step's time is the latest that is known; what was begun after it is done again.
        still = max(0.0, time.time() - datetime.fromisoformat(before.created_at).timestamp())
        moved = spending.model_copy(update={"started_at": spending.started_at + still})
        return Command(update={"spending": moved} | (asked.update or {}))

    def stream(
        self,
        input: Any,  # noqa: A002, ANN401  # LangGraph's name and type
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Iterator[Any]:
        """Stream a turn from sync code; see LangGraph's `stream`."""
        return iterate(self.loop_thread, lambda: self.astream(input, config, **kwargs))


def _chosen(context: object, configurable: Mapping[str, Any]) -> Context | None:
    """What the caller chose for a run; inside a node, what was chosen for the run around it.

    Raises:
        TypeError: When it is nothing that could be chosen.
    """
    if context is None:
        context = getattr(configurable.get(CONFIG_KEY_RUNTIME), "context", None)
        return context if isinstance(context, Context) else None  # a graph around us may have its own type
    if isinstance(context, dict):
        return Context.model_validate(context)
    if not isinstance(context, Context):
        raise TypeError(f"The context is {context!r}: pass Context(…), or a dict of its fields.")
    return context


def following_in(state: StateSnapshot) -> tuple[str, ...]:
    """The nodes of the step that a turn stands before; none when it has ended.

    LangGraph's `next` leaves out those that had ended when the others, or the process, were cut off.
    """
    return tuple(task.name for task in state.tasks)


def _names(goto: object) -> list[str]:
    """The nodes that a command goes to."""
    each = goto if isinstance(goto, list | tuple) else [goto]
    return [one.node if isinstance(one, Send) else str(one) for one in each]
