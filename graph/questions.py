"""What a turn asks a person: its plan, or calls that may change something; and answers that fit."""

from typing import Any

from langgraph.types import StateSnapshot
from pydantic import ValidationError

from graph.compiled import DuoGraph
from nodes import (
    Bounds,
    ConsentAnswer,
    ConsentQuestion,
    PlanAnswer,
    PlanQuestion,
    Request,
    Result,
    Status,
    StopReason,
)
from nodes.consents import MAX_REASON, shown_as
from nodes.tool_calls import canonical
from sandbox import Evidence

Answer = PlanAnswer | ConsentAnswer
"""What a person answers, about a plan or about calls."""

_PLAN = ("question", "plan", "problem")


class RequestError(ValueError):
    """A request cannot be taken; nothing was run and nothing was written."""


def question_in(interrupts: Any) -> PlanQuestion | ConsentQuestion | None:  # noqa: ANN401  # whatever interrupted
    """The question of ours among the interrupts of a run."""
    for interrupt in interrupts or ():
        value = getattr(interrupt, "value", None)
        if not isinstance(value, dict) or not isinstance(value.get("problem"), str):
            continue
        if all(isinstance(value.get(name), str) for name in _PLAN):
            return PlanQuestion(question=value["question"], plan=value["plan"], problem=value["problem"])
        if isinstance(value.get("calls"), list):
            return ConsentQuestion(
                question=str(value.get("question")), calls=value["calls"], problem=value["problem"]
            )
    return None


def fitting(answer: Answer | None, state: StateSnapshot, thread_id: str) -> Answer | None:
    """The answer in the form of what waits: a plain yes or no does for either.

    Raises:
        RequestError: When nothing waits, when what waits gets no answer, or one about something else.
    """
    question = question_in(state.interrupts)
    if question is None and answer is None:
        return None
    if question is None or not isinstance(state.values.get("request"), Request):
        raise RequestError(
            f"No plan waits for approval in session {thread_id}, and no tool call for consent: "
            "ask something first."
        )
    if "plan" in question:
        if answer is None:
            raise RequestError(
                f"The plan of session {thread_id} waits for your approval: approve, edit or reject it."
            )
        if not isinstance(answer, PlanAnswer):
            raise RequestError(
                f"In session {thread_id} a plan waits, and no call: answer with approve=True or False."
            )
        return answer
    if answer is None:
        raise RequestError(
            f"Tool calls of session {thread_id} wait for your consent: approve or reject them."
        )
    if not isinstance(answer, ConsentAnswer):
        return _about_calls(answer, thread_id)
    if answer.shown and answer.shown != shown_as(question["calls"]):
        raise RequestError(
            f"In session {thread_id} other calls wait by now than those that were shown: look at them with "
            f"`duograph resume {thread_id}`."
        )
    return answer


def _about_calls(answer: PlanAnswer, thread_id: str) -> ConsentAnswer:
    if answer.decision == "edit":
        raise RequestError(f"In session {thread_id} tool calls wait, and no plan: leave the plan out.")
    return ConsentAnswer(decision=answer.decision, reason=answer.reason[:MAX_REASON])


async def waiting_result(graph: DuoGraph, thread_id: str, run_id: str, bounds: Bounds) -> Result | None:
    """What a thread's turn came to so far, when it waits for a person; else None."""
    state = await graph.aget_state({"configurable": {"thread_id": thread_id}})
    question = question_in(state.interrupts)
    request = state.values.get("request")
    if question is None or not isinstance(request, Request):
        return None
    about: dict[str, Any]
    notes = [note for note in (state.values.get("dropped"),) if note]
    if "plan" in question:
        reason, waits = StopReason.PLAN_APPROVAL, "the plan waits for approval"
        about = {"answer": _show_plan(question, thread_id), "plan": question["plan"]}
    else:
        reason, waits = StopReason.TOOL_CONSENT, "tool calls wait for consent"
        about = {"answer": _show_calls(question, thread_id), "asked": question["calls"]}
    return Result(
        task=request.task,
        route=request.route,
        decision=request.decision,
        status=Status.WAITING,
        stop_reason=reason,
        verification=Evidence(status="not_executed", reason=waits),
        calls=state.values.get("calls", []),
        tool_uses=state.values.get("tool_uses", []),
        bounds=bounds,
        notes=notes,
        thread_id=thread_id,
        run_id=run_id,
        **about | {"answer": "\n\n".join([about["answer"], *notes])},
    )


def _show_plan(question: PlanQuestion, thread_id: str) -> str:
    """The message of a turn whose plan waits."""
    how = (
        f'Approve, edit or reject it: `agent.resume("{thread_id}", approve=True)` in Python, '
        f"`duograph resume {thread_id} --approve` in a shell."
    )
    parts = ("**The plan waits for your approval.**", question["problem"], question["plan"], how)
    return "\n\n".join(filter(None, parts))


def _show_calls(question: ConsentQuestion, thread_id: str) -> str:
    """The message of a turn whose calls wait: each exactly as it would be made."""
    calls = []
    for call in question["calls"]:
        said = f"{call['name']} {canonical(call['arguments'])}"
        ticks = "```"
        while ticks in said:
            ticks += "`"
        calls.append(f"{ticks}\n{said}\n{ticks}")
    how = (
        f'Approve or reject: `agent.resume("{thread_id}", approve=True)` in Python, '
        f"`duograph resume {thread_id}` in a shell, with `--approve`, `--always` or `--reject`."
    )
    parts = ("**Calls that may change something wait for your consent.**", question["problem"], *calls, how)
    return "\n\n".join(filter(None, parts))


def answer_if_any(
    *, approve: bool | None, plan: str | None, reason: str, consent: ConsentAnswer | None = None
) -> Answer | None:
    """What a caller answers; None when it says nothing.

    Raises:
        RequestError: When it cannot be used.
    """
    if consent is not None and not isinstance(consent, ConsentAnswer):
        raise RequestError(
            f"The argument consent is a {type(consent).__name__}: give a ConsentAnswer, or use approve."
        )
    if consent is not None:
        if approve is not None or plan is not None or reason:
            raise RequestError("The argument consent says it all: leave approve, plan and reason out.")
        return consent
    if approve is not None:
        return answer_about(approve=approve, plan=plan, reason=reason)
    if plan is not None or reason:
        raise RequestError("An edited plan goes with approve=True, and a reason with approve=False.")
    return None


def answer_about(*, approve: bool, plan: str | None, reason: str) -> PlanAnswer:
    """What a caller answers with a plain yes or no, or with another plan.

    Raises:
        RequestError: When it cannot be used.
    """
    decision = "edit" if approve and plan is not None else "approve" if approve else "reject"
    try:
        return PlanAnswer.model_validate({"decision": decision, "plan": plan or "", "reason": reason})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ").rstrip(".")
        raise RequestError(f"The answer about the plan cannot be used: {problem}.") from None
