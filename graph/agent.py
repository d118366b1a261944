"""The agent that programs embed: sessions, the graph, and one call that answers."""

import uuid
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, aclosing
from types import TracebackType
from typing import Any, Self

from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError

from checkpoints import Sessions, check_thread_id, new_thread_id, open_saver
from graph.bridge import iterate
from graph.build import build_graph
from graph.events import Checked, Event, Finished, NodeStarted, Started, Token
from graph.services import Services
from graph.settings import Settings
from graph.state import STATE_TYPES, Context
from nodes import Result, Status, StopReason, Task, problem_with
from providers import ReasoningSplitter
from sandbox import Check, Evidence


class RequestError(ValueError):
    """A request cannot be taken; nothing was run and nothing was written."""


class Agent:
    """Two models, a sandbox and a session store behind one call.

    Use it as a context manager, sync or async, or call `close` when done. It may be shared by
    threads and event loops; two turns on one thread queue up.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        services: Services | None = None,
    ) -> None:
        """Open the session store and build the graph. No model and no sandbox is started yet.

        Args:
            settings: Read from the environment and `duograph.toml` when left out.
            services: Your own models or verifier.

        Raises:
            SettingsError: When a setting is wrong.
            ModelConfigError: When a chain names something that does not exist.
            DatabaseError: When the session store cannot be opened.
        """
        self.settings = settings or Settings()
        services = services or Services.from_settings(self.settings)
        self._models = services.models
        self._resources = ExitStack()
        saver = self._resources.enter_context(
            open_saver(self.settings.database_path, allowed_types=STATE_TYPES)
        )
        self.graph = build_graph(self.settings, checkpointer=saver, services=services)
        self.sessions = Sessions(saver)
        self._resources.enter_context(self.graph.portals)  # one event loop for all sync calls

    def ask(
        self, text: str, *, tests: str = "", task: Task | None = None, thread_id: str | None = None
    ) -> Result:
        """Answer one request.

        Args:
            text: What is wanted.
            tests: Python source that the solution must pass; it sees the solution's names.
            task: What kind of task it is; decided from the text when left out.
            thread_id: The session to go on with; a new one when left out.

        Returns:
            The result, whatever the end was; its `status` and `stop_reason` say which.

        Raises:
            RequestError: When the text is empty or too long, or the tests do not parse.
        """
        return _result_of(list(self.stream(text, tests=tests, task=task, thread_id=thread_id)))

    async def aask(
        self, text: str, *, tests: str = "", task: Task | None = None, thread_id: str | None = None
    ) -> Result:
        """Answer one request; see `ask`."""
        events = self.astream(text, tests=tests, task=task, thread_id=thread_id)
        return _result_of([event async for event in events])

    def stream(
        self, text: str, *, tests: str = "", task: Task | None = None, thread_id: str | None = None
    ) -> Iterator[Event]:
        """Answer one request and yield what happens meanwhile; the last event is `Finished`. See `ask`."""
        return iterate(
            self.graph.portals, lambda: self.astream(text, tests=tests, task=task, thread_id=thread_id)
        )

    async def astream(
        self, text: str, *, tests: str = "", task: Task | None = None, thread_id: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """Answer one request and yield what happens meanwhile; the last event is `Finished`. See `ask`."""
        if problem := problem_with(text, tests):
            raise RequestError(problem)
        thread_id = check_thread_id(thread_id) if thread_id else new_thread_id()
        run_id = str(uuid.uuid4())
        config: RunnableConfig = {"configurable": {"thread_id": thread_id, "run_id": run_id}}
        yield Started(thread_id, run_id)
        translator = _Translator()
        try:
            parts = self.graph.astream(
                {"messages": [HumanMessage(text)]},
                config,
                context=Context(task=task, tests=tests),
                stream_mode=["tasks", "messages", "custom"],
                version="v2",
            )
            async with aclosing(parts):
                async for part in parts:
                    for event in translator.events(part):
                        yield event
            state = await self.graph.aget_state(config)
            result: Result = state.values["result"]
        except GraphRecursionError:
            result = _superstep_limit(task, thread_id, run_id)
        yield Finished(result)

    def close(self) -> None:
        """Close the models' connections, the session store and the event loop of the sync calls."""
        with self._resources, self.graph.portals as portal:
            portal.call(self._models.aclose)

    async def aclose(self) -> None:
        """Close everything; see `close`."""
        await self._models.aclose()
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class _Translator:
    """Turns LangGraph's stream parts into events, and keeps hidden reasoning out of the tokens."""

    def __init__(self) -> None:
        self._message: str | None = None
        self._node = ""
        self._splitter = ReasoningSplitter()

    def events(self, part: dict[str, Any]) -> Iterator[Event]:
        """The events that one stream part stands for, in order; often none."""
        data = part["data"]
        if part["type"] == "tasks":
            yield from self.rest()
            if "result" not in data:
                yield NodeStarted(data["name"])
        elif part["type"] == "custom" and isinstance(check := data.get("check"), Check):
            yield Checked(check)
        elif part["type"] == "messages" and isinstance(message := data[0], AIMessageChunk):
            if message.id != self._message:
                yield from self.rest()
                self._message, self._node = message.id, data[1].get("langgraph_node", "")
            if text := self._splitter.feed(str(message.text)):
                yield Token(self._node, text)

    def rest(self) -> Iterator[Event]:
        """The end of a message, held back until nothing could turn it into reasoning."""
        if text := self._splitter.rest():
            yield Token(self._node, text)
        self._splitter, self._message = ReasoningSplitter(), None


def _result_of(events: list[Event]) -> Result:
    """The result at the end of a turn."""
    last = events[-1]
    if not isinstance(last, Finished):
        raise TypeError(f"The turn ended with {type(last).__name__} and not with a result.")
    return last.result


def _superstep_limit(task: Task | None, thread_id: str, run_id: str) -> Result:
    """The result of a turn that a node or edge of the user's own kept from ending."""
    return Result(
        answer="The turn reached its limit of supersteps before it could answer.",
        task=task or "general",
        route="answer",
        status=Status.LIMIT,
        stop_reason=StopReason.SUPERSTEP_LIMIT,
        verification=Evidence(status="not_executed", reason="the turn was stopped"),
        thread_id=thread_id,
        run_id=run_id,
    )
