"""Turns that wait for a person: what is asked, the result that says so, and how they go on."""

import asyncio
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command
from pydantic import ValidationError

from checkpoints import check_thread_id, new_thread_id
from graph.bridge import iterate
from graph.compiled import DuoGraph
from graph.events import Event, Finished, Started
from graph.state import Context
from nodes import Bounds, PlanAnswer, PlanQuestion, Request, Result, Status, StopReason
from sandbox import Evidence, SourceFile

_MODELS = ("reasoning_model", "coding_model")


class RequestError(ValueError):
    """A request cannot be taken; nothing was run and nothing was written."""


class Resuming(ABC):
    """The part of an agent that goes on with turns that wait."""

    graph: DuoGraph

    @abstractmethod
    def _turn(self, given: object, started: Started, context: Context) -> AsyncGenerator[Event, None]:
        """Run a turn, or the rest of one that waited; the last event is `Finished`."""

    def resume(self, thread_id: str, *, approve: bool, plan: str | None = None, reason: str = "") -> Result:
        """Go on with a turn that waits for the approval of its plan (`Status.WAITING`).

        Args:
            thread_id: The session of the turn.
            approve: Whether the code shall be written; False ends the turn with an answer that says so.
            plan: The plan to write it by, with its acceptance tests, in place of the one that was shown.
            reason: Why it is not approved.

        Returns:
            The result, as from `ask`.

        Raises:
            RequestError: When nothing waits there, or the edited plan cannot be used.
        """
        answer = answer_about(approve=approve, plan=plan, reason=reason)
        return result_of(
            list(iterate(self.graph.loop_thread, lambda: self.astream_resume(thread_id, answer)))
        )

    async def aresume(
        self, thread_id: str, *, approve: bool, plan: str | None = None, reason: str = ""
    ) -> Result:
        """Go on with a turn that waits for the approval of its plan; see `resume`."""
        answer = answer_about(approve=approve, plan=plan, reason=reason)
        return result_of([event async for event in self.astream_resume(thread_id, answer)])

    async def astream_resume(
        self, thread_id: str, answer: PlanAnswer, *, context: Context | None = None
    ) -> AsyncGenerator[Event, None]:
        """Answer about a plan that waits, and yield what happens then; the last event is `Finished`.

        The turn keeps the models and limits that it was asked with.

        Args:
            thread_id: The session of the turn.
            answer: What to do with the plan.
            context: Models to go on with in place of those; nothing else of it counts.

        Raises:
            RequestError: When nothing waits there.
        """
        started = Started(session_of(thread_id), str(uuid.uuid4()))
        config: RunnableConfig = {"configurable": {"thread_id": started.thread_id}}
        state = await self.graph.aget_state(config)
        request = state.values.get("request")
        if question_in(state.interrupts) is None or not isinstance(request, Request):
            raise RequestError(f"No plan waits for approval in session {thread_id}: ask something first.")
        models = {name: value for name in _MODELS if context and (value := getattr(context, name))}
        request = request.model_copy(update=models)
        chosen = Context(
            **request.limits.model_dump(),
            reasoning_model=request.reasoning_model,
            coding_model=request.coding_model,
        )
        update = {"request": request} if models else None
        async for event in self._turn(Command(resume=answer.model_dump(), update=update), started, chosen):
            yield event

    async def solution(self, thread_id: str) -> list[SourceFile]:
        """The files that the newest turn of a session with any came to; empty when there are none."""
        state = await self.graph.aget_state({"configurable": {"thread_id": session_of(thread_id)}})
        return list(state.values.get("solution") or [])

    async def waiting(self, thread_id: str) -> Result | None:
        """The result so far of a turn that waits for the approval of its plan; None where none waits."""
        thread_id = session_of(thread_id)
        bounds = await asyncio.to_thread(self.graph.bounds)  # a chain may name a file
        return await waiting_result(self.graph, thread_id, str(uuid.uuid4()), bounds)


def question_in(interrupts: Any) -> PlanQuestion | None:  # noqa: ANN401  # whatever interrupted a run
    """The question about a plan among the interrupts of a run."""
    for interrupt in interrupts or ():
        value = getattr(interrupt, "value", None)
        if isinstance(value, dict) and {"question", "plan", "problem"} <= value.keys():
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
