"""Turns that wait for a person or were cut off: the result that says so, and how they go on."""

import asyncio
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from typing import Literal

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot

from checkpoints import ThreadBusyError, check_thread_id, new_thread_id
from graph.bridge import iterate
from graph.compiled import DuoGraph, following_in
from graph.events import Event, Finished, Started
from graph.questions import Answer, RequestError, answer_if_any, fitting, question_in, waiting_result
from graph.state import Context
from nodes import ConsentAnswer, Request, Result
from sandbox import SourceFile

Standing = Literal["new", "ended", "cut", "waiting", "asking"]
_MODELS = ("reasoning_model", "coding_model")


class Resuming(ABC):
    """The part of an agent that goes on with turns that wait or were cut off."""

    graph: DuoGraph

    @abstractmethod
    def _turn(self, given: object, started: Started, context: Context) -> AsyncGenerator[Event, None]:
        """Run a turn, or the rest of one that waited; the last event is `Finished`."""

    def resume(
        self,
        thread_id: str,
        *,
        approve: bool | None = None,
        plan: str | None = None,
        reason: str = "",
        consent: ConsentAnswer | None = None,
    ) -> Result:
        """Go on with a turn that was cut off, or that waits for a person (`Status.WAITING`).

        Args:
            thread_id: The session of the turn.
            approve: Whether the code shall be written by the plan that waits; False ends the turn with an
                answer that says so. Where tool calls wait, whether they are made. Left out for a turn that
                was cut off, by a crash for example: no step that had ended is done again, and no tool call
                that may have changed something.
            plan: The plan to write it by, with its acceptance tests, in place of the one that was shown.
            reason: Why it is not approved.
            consent: The answer about tool calls that wait, call by call, or for the whole session.

        Returns:
            The result, as from `ask`.

        Raises:
            RequestError: When there is nothing to go on with, or the edited plan cannot be used.
        """
        answer = answer_if_any(approve=approve, plan=plan, reason=reason, consent=consent)
        return result_of(
            list(iterate(self.graph.loop_thread, lambda: self.astream_resume(thread_id, answer)))
        )

    async def aresume(
        self,
        thread_id: str,
        *,
        approve: bool | None = None,
        plan: str | None = None,
        reason: str = "",
        consent: ConsentAnswer | None = None,
    ) -> Result:
        """Go on with a turn that was cut off or waits for a person; see `resume`."""
        answer = answer_if_any(approve=approve, plan=plan, reason=reason, consent=consent)
        return result_of([event async for event in self.astream_resume(thread_id, answer)])

    async def astream_resume(
        self, thread_id: str, answer: Answer | None = None, *, context: Context | None = None
    ) -> AsyncGenerator[Event, None]:
        """Go on with a turn, and yield what happens then; the last event is `Finished`.

        The turn keeps the models and limits that it was asked with.

        Args:
            thread_id: The session of the turn.
            answer: What to do with the plan or the calls that wait; None for a turn that was cut off.
            context: Models to go on with in place of those; nothing else of it counts.

        Raises:
            RequestError: When there is nothing to go on with.
        """
        started = Started(session_of(thread_id), str(uuid.uuid4()))
        config: RunnableConfig = {"configurable": {"thread_id": started.thread_id}}
        state = await self.graph.aget_state(config)
        answer = fitting(answer, state, thread_id)
        request = self._request_of(state, thread_id)
        models = {name: value for name in _MODELS if context and (value := getattr(context, name))}
        request = request.model_copy(update=models)
        chosen = Context(
            **request.limits.model_dump(exclude={"has_tools", "lends_tools"}),
            tools=request.tools,
            reasoning_model=request.reasoning_model,
            coding_model=request.coding_model,
        )
        given: Command[str] | None = None
        if answer is not None or models:
            resume = None if answer is None else answer.model_dump()
            given = Command(resume=resume, update={"request": request} if models else None)
        async for event in self._turn(given, started, chosen):
            yield event

    def _request_of(self, state: StateSnapshot, thread_id: str) -> Request:
        """The request of the turn to go on with.

        Raises:
            RequestError: When there is none.
        """
        request = state.values.get("request")
        following = following_in(state)
        if not following:
            known = "Its last turn has ended" if state.created_at else "There is no such session"
            raise RequestError(f"Nothing is left to do in session {thread_id}. {known}: ask something.")
        account = self.graph.account
        if not isinstance(request, Request) or account is None or not account.is_opened(following):
            raise RequestError(
                f"The turn of session {thread_id} was cut off before its request was noted: ask again."
            )
        return request

    async def solution(self, thread_id: str) -> list[SourceFile]:
        """The files that the newest turn of a session with any came to; empty when there are none."""
        state = await self.graph.aget_state({"configurable": {"thread_id": session_of(thread_id)}})
        return list(state.values.get("solution") or [])

    async def standing(self, thread_id: str) -> Standing:
        """Where the last turn of a session stands: none, ended, cut off, or it waits for a person."""
        state = await self.graph.aget_state({"configurable": {"thread_id": session_of(thread_id)}})
        if (question := question_in(state.interrupts)) is not None:
            return "waiting" if "plan" in question else "asking"
        if following_in(state):
            return "cut"
        return "ended" if state.created_at else "new"

    async def is_busy(self, thread_id: str) -> bool:
        """Whether a turn of a session is running, here or in another process."""
        try:
            async with self.graph.locks.ahold(session_of(thread_id), timeout_s=0):
                return False
        except ThreadBusyError:
            return True

    async def waiting(self, thread_id: str) -> Result | None:
        """The result so far of a turn that waits for a person; None where none waits."""
        thread_id = session_of(thread_id)
        bounds = await asyncio.to_thread(self.graph.bounds)  # a chain may name a file
        return await waiting_result(self.graph, thread_id, str(uuid.uuid4()), bounds)


def ended_meanwhile(thread_id: str) -> RequestError:
    """What to say of a turn that was to go on, and that somebody else had ended when it was ours to."""
    return RequestError(
        f"Nothing is left to do in session {thread_id}. Its turn was ended elsewhere while this one waited: "
        f"`duograph sessions show {thread_id}` has the answer."
    )


def session_of(given: str | None) -> str:
    """The thread to go on with, or a new one.

    Raises:
        RequestError: When `given` cannot be a thread id.
    """
    try:
        return check_thread_id(given) if given else new_thread_id()
    except ValueError as error:
        raise RequestError(str(error)) from None


def result_of(events: list[Event]) -> Result:
    """The result at the end of a turn."""
    last = events[-1]
    if not isinstance(last, Finished):
        raise TypeError(f"The turn ended with {type(last).__name__} and not with a result.")
    return last.result
