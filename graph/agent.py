"""The agent that programs embed: sessions, the graph, and one call that answers."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import replace
from functools import partial
from typing import Unpack, get_args

from langchain_core.messages import HumanMessage
from pydantic import ValidationError
from typing_extensions import TypedDict

from checkpoints import DatabaseError
from graph.agent_memory import AgentMemory
from graph.agent_sessions import AgentSessions, LearnedFrom
from graph.agent_stats import AgentStats, stats_of
from graph.background import Background
from graph.bridge import iterate
from graph.build import build_graph
from graph.events import Event, Finished, Started
from graph.memory import remembering_of
from graph.questions import RequestError, waiting_result
from graph.resuming import Resuming, ended_meanwhile, result_of, session_of
from graph.saver import open_sessions
from graph.services import Services
from graph.settings import Settings, given_settings
from graph.state import Context
from graph.tooling import Given, close_tooling, own_tooling
from graph.translate import Translator
from nodes import Result, Task, problem_with
from providers.closing import Closing
from sandbox import SourceFile

__all__ = ["Agent", "RequestError"]


class Choices(TypedDict, total=False):
    """What a caller may choose for one run of an agent.

    Attributes:
        tests: Python source that the solution must pass; it sees the solution's names.
        code: Files that the request is about: to review, to change, to explain. One named `*.diff` or
            `*.patch` is put onto the others.
        task: What kind of task it is; decided from the text when left out.
        thread_id: The session to go on with; a new one when left out.
        context: Limits and models of this run, such as `Context(max_repairs=0)`.
    """

    tests: str
    code: Sequence[SourceFile]
    task: Task | None
    thread_id: str | None
    context: Context | None


class Agent(Resuming, Closing):
    """Two models, a sandbox, a session store and a memory behind one call.

    Use it as a context manager, sync or async, or call `close` when done. It may be shared by
    threads and event loops; two turns on one thread queue up.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        services: Services | None = None,
        tools: Sequence[Given] = (),
    ) -> None:
        """Open the session store and build the graph. No model and no sandbox is started yet.

        Args:
            settings: Read from the environment and `duograph.toml` when left out.
            services: Your own models, verifier or memory.
            tools: What the reasoning model may call beside the tools that the settings name: functions with
                type hints and a docstring, tools of `make`, or LangChain's.

        Raises:
            SettingsError: When a setting is wrong.
            ModelConfigError: When a chain names something that does not exist.
            DatabaseError: When the session store cannot be opened.
            MemoryStoreError: When memory is configured wrongly.
            ToolConfigError: When something cannot be a tool, or two tools have one name.
        """
        self.settings = given_settings(settings)
        services = services or Services.from_settings(self.settings, remembers=True)
        if tools:
            services = replace(services, tools=own_tooling(services.tools, tools))
        self._stats = partial(stats_of, services)
        self._models, self._memory = services.models, (services.memory, services.jobs)
        self._resources = ExitStack()
        self._resources.callback(close_tooling, services.tools)
        saver = self._resources.enter_context(open_sessions(self.settings))
        self.background = Background.of(self.settings, services)
        if self.background is not None:
            services = replace(services, jobs=self.background.jobs)
            self.background.begin()
        self.graph = build_graph(self.settings, checkpointer=saver, services=services)
        learned = LearnedFrom(services.memory, services.jobs, self.settings.user)
        self.sessions = AgentSessions(saver, learned, self.graph.loop_thread)
        self.memory = AgentMemory(
            services.memory,
            remembering_of(self.settings),
            self.graph.loop_thread,
            embedder=services.embedder,
        )

    def ask(self, text: str, **choices: Unpack[Choices]) -> Result:
        """Answer one request.

        Args:
            text: What is wanted.
            **choices: What else to choose for this run, each left out or as `Choices` says.

        Returns:
            The result, whatever the end was; its `status` and `stop_reason` say which.

        Raises:
            RequestError: When the text is empty or too long, or the tests do not parse.
        """
        return result_of(list(self.stream(text, **choices)))

    async def aask(self, text: str, **choices: Unpack[Choices]) -> Result:
        """Answer one request; see `ask`."""
        return result_of([event async for event in self.astream(text, **choices)])

    def stream(self, text: str, **choices: Unpack[Choices]) -> Iterator[Event]:
        """Answer one request and yield what happens meanwhile; the last event is `Finished`. See `ask`."""
        return iterate(self.graph.loop_thread, lambda: self.astream(text, **choices))

    async def astream(self, text: str, **choices: Unpack[Choices]) -> AsyncGenerator[Event, None]:
        """Answer one request and yield what happens meanwhile; the last event is `Finished`. See `ask`."""
        started, chosen = _opened(text, **choices)
        async with aclosing(self._turn({"messages": [HumanMessage(text)]}, started, chosen)) as events:
            async for event in events:
                yield event

    async def _turn(self, given: object, started: Started, context: Context) -> AsyncGenerator[Event, None]:
        """Run a turn, or the rest of one that waited."""
        yield started
        translator = Translator()
        turn = self.graph.astream(
            given,
            {"configurable": {"thread_id": started.thread_id, "run_id": started.run_id}},
            context=context,
            stream_mode=["tasks", "messages", "custom", "updates"],
            durability="sync",  # a database that cannot be written is found before a model is paid
            version="v2",
        )
        try:
            async with aclosing(turn) as parts:
                async for part in parts:
                    for event in translator.events(part):
                        yield event
        except DatabaseError as error:
            if translator.result is None:
                raise
            translator.result.notes.append(f"This turn could not be saved: {error}")
        result = translator.result
        if result is None:
            bounds = await asyncio.to_thread(self.graph.bounds, context)  # it may read a user's settings
            result = await waiting_result(self.graph, started.thread_id, started.run_id, bounds)
        if result is None and not translator.has_begun:
            raise ended_meanwhile(started.thread_id)
        if result is None:
            raise RuntimeError("The turn ended without an answer: some edge goes around respond.")
        yield Finished(result)

    def get_stats(self) -> AgentStats:
        """Say how requests were decided and what the models used since this agent was made."""
        return self._stats()

    async def adrain(self, timeout_s: float = 60.0) -> bool:
        """Wait until what lies behind the answers is done; see `drain`."""
        return self.background is None or await self.background.adrain(timeout_s)

    def drain(self, timeout_s: float = 60.0) -> bool:
        """Wait until what lies behind the answers is done: no answer needs that, a test or a notebook may.

        Args:
            timeout_s: Seconds to wait at most; nothing is cancelled then.

        Returns:
            Whether no job is left in the queue, which other processes may share.

        Raises:
            MemoryStoreError: When the queue cannot be read.
        """
        return self.graph.loop_thread.run(self.adrain(timeout_s))

    def close(self) -> None:
        """Stop learning; close models, memory, MCP servers, the sync calls' event loop and the sessions."""
        with self._resources:
            if self.background is not None:
                self.background.close()
            if self.graph.loop_thread.is_running:
                self.graph.loop_thread.run(self._models.aclose())
            if any(self._memory):
                self.graph.loop_thread.run(self._close_memory())
            self.graph.loop_thread.close()

    async def _close_memory(self) -> None:
        for each in self._memory:
            if each is not None:
                await each.aclose()

    async def aclose(self) -> None:
        """Close everything; see `close`."""
        await self._models.aclose()
        await asyncio.to_thread(self.close)


def _opened(  # noqa: PLR0913  # see `Choices`
    text: str,
    *,
    tests: str = "",
    code: Sequence[SourceFile] = (),
    task: Task | None = None,
    thread_id: str | None = None,
    context: Context | None = None,
) -> tuple[Started, Context]:
    """The run's name and what the caller chose for it, checked before anything is written.

    Raises:
        RequestError: When something cannot be taken.
    """
    for name, value in (("text", text), ("tests", tests)):
        if not isinstance(value, str):
            raise RequestError(f"The argument {name} is {value!r}: it must be a string.")
    if not isinstance(context, Context | None):
        raise RequestError(
            f"The argument context is {context!r}: pass Context(…), such as Context(max_repairs=0)."
        )
    base = {name: getattr(context, name) for name in context.model_fields_set} if context else {}
    try:
        given = {"tests": tests, "task": task, "code": list(code)}
        chosen = Context.model_validate(base | {name: value for name, value in given.items() if value})
    except (ValidationError, TypeError) as error:
        if isinstance(error, ValidationError) and error.errors()[0]["loc"][0] == "task":
            raise RequestError(
                f"The task {task!r} is unknown: it is one of {', '.join(get_args(Task))}."
            ) from None
        raise RequestError(
            "The argument code holds something else than files: give SourceFile objects, each with a path "
            "and content."
        ) from None
    if problem := problem_with(text, chosen.tests, chosen.code):
        raise RequestError(problem)
    return Started(session_of(thread_id), str(uuid.uuid4())), chosen
