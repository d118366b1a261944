"""Wait until a person has approved, edited or rejected the plan. Calls no model, ever."""

from typing import ClassVar, Final

from langgraph.types import interrupt

from nodes.cost import FREE, Cost
from nodes.ends import StopReason
from nodes.plans import PlanAnswer, ask_about, read_answer, read_plan, show_plan
from nodes.turn import Turn
from nodes.waiting import waited

MAX_ANSWERS: Final = 3
"""How many answers are taken until one can be used; then the turn ends."""


class Approve:
    """Asks by an interrupt, so that the turn lies on disk while it waits, and costs nothing.

    A resumed turn runs this node again from its start: up to the answer it only reads.
    """

    cost: ClassVar[Cost] = FREE

    async def __call__(self, state: Turn) -> Turn:
        """Wait for the answer and act on it; the time that it took does not count."""
        text, problem = show_plan(state.get("plan", ""), state.get("acceptance", "")), ""
        schema = PlanAnswer.model_json_schema()
        for _ in range(MAX_ANSWERS):
            answer = read_answer(interrupt(ask_about(text, problem), response_schema=schema))
            if isinstance(answer, PlanAnswer):
                return _decided(answer) | waited(state)
            problem = answer
        silent = f"The plan was not approved: none of {MAX_ANSWERS} answers could be used. {problem}"
        return Turn(stop_reason=StopReason.PLAN_REJECTED, answer=silent) | waited(state)


def _decided(answer: PlanAnswer) -> Turn:
    if answer.decision == "approve":
        return Turn()
    if answer.decision == "edit":
        plan, acceptance = read_plan(answer.plan)
        return Turn(plan=plan, acceptance=acceptance)
    why = f": {answer.reason.strip()}" if answer.reason.strip() else "."
    return Turn(
        stop_reason=StopReason.PLAN_REJECTED, answer=f"The plan was rejected, so no code was written{why}"
    )
