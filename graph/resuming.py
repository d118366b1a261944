"""Turns that wait for a person or were cut off: the result that says so, and how they go on."""

import asyncio
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot
from pydantic import ValidationError

from checkpoints import check_thread_id, new_thread_id
from graph.bridge import iterate
from graph.compiled import DuoGraph, following_in
from graph.events import Event, Finished, Started
from graph.state import Context
from nodes import Bounds, PlanAnswer, PlanQuestion, Request, Result, Status, StopReason
from sandbox import Evidence, SourceFile

Standing = Literal["new", "ended", "cut", "waiting"]
_QUESTION = ("question", "plan", "problem")
_MODELS = ("reasoning_model", "coding_model")


class RequestError(ValueError):
    """A request cannot be taken; nothing was run and nothing was written."""


class Resuming(ABC):
    """The part of an agent that goes on with turns that wait or were cut off."""

    graph: DuoGraph

    @abstractmethod
    def _turn(self, given: object, started: Started, context: Context) -> AsyncGenerator[Event, None]:
        """Run a turn, or the rest of one that waited; the last event is `Finished`."""

    def resume(
        self, thread_id: str, *, approve: bool | None = None, plan: str | None = None, reason: str = ""
    ) -> Result:
        """Go on with a turn that was cut off, or that waits for the approval of its plan (`Status.WAITING`).

        Args:
            thread_id: The session of the turn.
            approve: Whether the code shall be written by the plan that waits; False ends the turn with an
                answer that says so. Left out for a turn that was cut off, by a crash for example: no step
                that had ended is done again.
            plan: The plan to write it by, with its acceptance tests, in place of the one that was shown.
            reason: Why it is not approved.

        Returns:
            The result, as from `ask`.

        Raises:
            RequestError: When there is nothing to go on with, or the edited plan cannot be used.
        """
        answer = answer_if_any(approve=approve, plan=plan, reason=reason)
        return result_of(
            list(iterate(self.graph.loop_thread, lambda: self.astream_resume(thread_id, answer)))
        )

    async def aresume(
        self, thread_id: str, *, approve: bool | None = None, plan: str | None = None, reason: str = ""
    ) -> Result:
        """Go on with a turn that was cut off or waits for the approval of its plan; see `resume`."""
        answer = answer_if_any(approve=approve, plan=plan, reason=reason)
        return result_of([event async for event in self.astream_resume(thread_id, answer)])

    async def astream_resume(
        self, thread_id: str, answer: PlanAnswer | None = None, *, context: Context | None = None
    ) -> AsyncGenerator[Event, None]:
        """Go on with a turn, and yield what happens then; the last event is `Finished`.

        The turn keeps the models and limits that it was asked with.

        Args:
            thread_id: The session of the turn.
            answer: What to do with the plan that waits; None for a turn that was cut off.
            context: Models to go on with in place of those; nothing else of it counts.

        Raises:
            RequestError: When there is nothing to go on with.
        """
        started = Started(session_of(thread_id), str(uuid.uuid4()))
        config: RunnableConfig = {"configurable": {"thread_id": started.thread_id}}
        state = await self.graph.aget_state(config)
        request = self._request_of(state, thread_id, answer)
        models = {name: value for name in _MODELS if context and (value := getattr(context, name))}
        request = request.model_copy(update=models)
        chosen = Context(
            **request.limits.model_dump(exclude={"has_tools"}),
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

    def _request_of(self, state: StateSnapshot, thread_id: str, answer: PlanAnswer | None) -> Request:
        """The request of the turn to go on with.

        Raises:
            RequestError: When there is none, or when `answer` does not fit what it waits for.
        """
        request, waits = state.values.get("request"), question_in(state.interrupts) is not None
        if answer is not None and not (waits and isinstance(request, Request)):
            raise RequestError(f"No plan waits for approval in session {thread_id}: ask something first.")
        if answer is None and waits:
            raise RequestError(
                f"The plan of session {thread_id} waits for your approval: approve, edit or reject it."
            )
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
        """Where the last turn of a session stands: none, ended, cut off, or its plan waits."""
        state = await self.graph.aget_state({"configurable": {"thread_id": session_of(thread_id)}})
        if question_in(state.interrupts) is not None:
            return "waiting"
        if following_in(state):
            return "cut"
        return "ended" if state.created_at else "new"

    async def waiting(self, thread_id: str) -> Result | None:
        """The result so far of a turn that waits for the approval of its plan; None where none waits."""
        thread_id = session_of(thread_id)
        bounds = await asyncio.to_thread(self.graph.bounds)  # a chain may name a file
        return await waiting_result(self.graph, thread_id, str(uuid.uuid4()), bounds)


def question_in(interrupts: Any) -> PlanQuestion | None:  # noqa: ANN401  # whatever interrupted a run
    """The question about a plan among the interrupts of a run."""
    for interrupt in interrupts or ():
        value = getattr(interrupt, "value", None)
        if isinstance(value, dict) and all(isinstance(value.get(name), str) for name in _QUESTION):
            return PlanQuestion(question=value["question"], plan=value["plan"], problem=value["problem"])
    return None


async def waiting_result(graph: DuoGraph, thread_id: str, run_id: str, bounds: Bounds) -> Result | None:
    """What a thread's turn came to so far, when it waits for a plan's approval; else None."""
    state = await graph.aget_state({"configurable": {"thread_id": thread_id}})
    question = question_in(state.interrupts)
    request = state.values.get("request")
    if question is None or not isinstance(request, Request):
        return None
    return Result(
        answer=_answer(question, thread_id),
        task=request.task,
        route=request.route,
        status=Status.WAITING,
        stop_reason=StopReason.PLAN_APPROVAL,
        verification=Evidence(status="not_executed", reason="the plan waits for approval"),
        plan=question["plan"],
        calls=state.values.get("calls", []),
        bounds=bounds,
        thread_id=thread_id,
        run_id=run_id,
    )


def _answer(question: PlanQuestion, thread_id: str) -> str:
    """The message of a turn that waits."""
    how = (
        f'Approve, edit or reject it: `agent.resume("{thread_id}", approve=True)` in Python, '
        f"`duograph resume {thread_id} --approve` in a shell."
    )
    parts = ("**The plan waits for your approval.**", question["problem"], question["plan"], how)
    return "\n\n".join(filter(None, parts))


def answer_if_any(*, approve: bool | None, plan: str | None, reason: str) -> PlanAnswer | None:
    """What a caller answers about a plan; None when it says nothing about one.

    Raises:
        RequestError: When it cannot be used.
    """
    if approve is not None:
        return answer_about(approve=approve, plan=plan, reason=reason)
    if plan is not None or reason:
        raise RequestError("An edited plan goes with approve=True, and a reason with approve=False.")
    return None


def answer_about(*, approve: bool, plan: str | None, reason: str) -> PlanAnswer:
    """What a caller answers about a plan.

    Raises:
        RequestError: When it cannot be used.
    """
    decision = "edit" if approve and plan is not None else "approve" if approve else "reject"
    try:
        return PlanAnswer.model_validate({"decision": decision, "plan": plan or "", "reason": reason})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ").rstrip(".")
        raise RequestError(f"The answer about the plan cannot be used: {problem}.") from None


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
