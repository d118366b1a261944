"""The end of every turn: one message for the user and the typed `Result`. Calls no model."""

import time
from textwrap import indent
from typing import ClassVar

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from nodes.cost import FREE, Cost
from nodes.ends import STATUS_OF, Status, StopReason
from nodes.limits import WALK, Amounts, Walk, cost, seconds_left
from nodes.recollection import recalled_in, with_sources
from nodes.result import BOUNDS, Bounds, Candidate, Result
from nodes.show import show_evidence, show_files, show_findings, show_run
from nodes.tool_calls import MADE
from nodes.tool_notes import tool_notes
from nodes.turn import Turn, request_of, spending_of
from sandbox.evidence import Evidence

_ENDS = {
    StopReason.REPAIRS_EXHAUSTED: "It still fails after {repairs} repair(s), the most this turn may use.",
    StopReason.NO_PROGRESS: "The last repair got no further, so trying on would not help.",
    StopReason.MODELS_FAILED: "The turn ended early: {answer}",
}
"""What is said of an end when there is a candidate; other reasons speak for themselves in `answer`."""

_UNANSWERED = {
    StopReason.SUPERSTEP_LIMIT: "The turn reached its limit of supersteps before it could answer.",
    StopReason.DEADLINE: "The turn's time was over before it could answer.",
    StopReason.TOOL_LIMIT: "The turn reached its limit on rounds of tool calls before it could answer.",
}

ASKS_TOOLS = frozenset({"tools", "consent"})
"""The guards of the tool loop, as `graph.guards` names them."""

_NO_CODE = ("answer", "knowledge")

_OFFLINE = (
    "_This came from Duograph's embedded offline model, a cookbook of common tasks. "
    "Connect a model for everything else: see `duograph ask --help`._"
)


class Respond:
    """Builds the answer from the best candidate and the evidence for it."""

    cost: ClassVar[Cost] = FREE

    async def __call__(self, state: Turn, config: RunnableConfig) -> Turn:
        """Write the answer. This node is always reached, also when something gave out."""
        request, recalled = request_of(state), recalled_in(state)
        reason = _reason(state, config.get("configurable", {}).get(WALK))
        best = state.get("best") or _unproved(state, reason)
        nothing = Evidence(status="not_applicable" if request.route in _NO_CODE else "not_executed")
        is_review = request.route == "review"
        configurable = config.get("configurable", {})
        said = [state.get("dropped", ""), state.get("remark", ""), state.get("unrecalled", "")]
        notes = [*_notes(state), *filter(None, said), *tool_notes(state)]
        result = Result(
            answer="\n\n".join([with_sources(_answer(state, reason, best), recalled), *notes]),
            task=request.task,
            route=request.route,
            decision=request.decision,
            status=STATUS_OF[reason] if is_review else _status(reason, best),
            stop_reason=reason,
            verification=best.evidence if best else nothing,
            files=best.files if best and not is_review else [],
            findings=state.get("findings", []),
            plan=state.get("plan", ""),
            repairs=state.get("repairs", 0),
            diagnosis=state.get("diagnosis"),
            calls=state.get("calls", []),
            tool_uses=state.get("tool_uses", []),
            bounds=_account(state, config),
            recalled=[one.shown() for one in recalled],
            notes=notes,
            thread_id=configurable.get("thread_id"),
            run_id=str(run) if (run := configurable.get("run_id") or config.get("run_id")) else None,
        )
        done = Turn(messages=[AIMessage(result.answer)], result=result)
        kept = request.attached if is_review else result.files  # what the next turn may go on with
        return done | Turn(solution=kept) if kept else done


def _reason(state: Turn, walk: Walk | None) -> StopReason:
    """Why the turn ended: as a node said, or, where none did, what kept it from going on."""
    if reason := state.get("stop_reason"):
        return reason
    if state.get("verdict") in {"pass", "stop"}:
        return StopReason.COMPLETED  # a review of the user's own that gives no reason
    if seconds_left(request_of(state).limits, spending_of(state)) <= 0:
        return StopReason.DEADLINE
    used_up = state.get("repairs", 0) > request_of(state).limits.max_repairs
    struck = walk.struck if walk is not None else set()
    if used_up or struck - ASKS_TOOLS:
        return StopReason.REPAIRS_EXHAUSTED
    if struck:
        return StopReason.TOOL_LIMIT
    # What an earlier process corrected is not known here: then only an answer shows that nothing was cut.
    is_cut = (
        walk is None or walk.is_cut or (walk.is_resumed and not (state.get("answer") or state.get("best")))
    )
    return StopReason.SUPERSTEP_LIMIT if is_cut else StopReason.COMPLETED


def _account(state: Turn, config: RunnableConfig) -> Bounds | None:
    """The bound of this turn with what it used beside it."""
    bounds = config.get("configurable", {}).get(BOUNDS)
    if not isinstance(bounds, Bounds):
        return None
    spending, calls = spending_of(state), state.get("calls", [])
    step = config.get("metadata", {}).get("langgraph_step", spending.first_step)
    walk = config.get("configurable", {}).get(WALK)
    following = walk.after_answer if isinstance(walk, Walk) else 0
    used = Amounts(
        supersteps=step - spending.first_step + 2 + following,  # this one too, and the input's
        model_calls=len(calls),
        tool_calls=sum(use.outcome in MADE for use in state.get("tool_uses", [])),
        sandbox_runs=spending.sandbox_runs,
        seconds=round(time.time() - spending.started_at, 3),
        cost_usd=cost(calls),
    )
    return bounds.model_copy(update={"used": used})


def _unproved(state: Turn, reason: StopReason) -> Candidate | None:
    """Files that were written but that a limit kept from being run."""
    files = state.get("files", [])
    if not files or STATUS_OF[reason] is not Status.LIMIT:
        return None
    return Candidate(
        files=files, evidence=Evidence(status="not_executed", reason="a limit ended the turn first")
    )


def _notes(state: Turn) -> list[str]:
    """What the caller should know about limits that could not be kept for want of a price."""
    unpriced = sorted({f"{c.backend}:{c.model_id}" for c in state.get("calls", []) if c.cost_usd is None})
    if not unpriced or request_of(state).limits.max_cost_usd is None:
        return []
    return [f"The money limit does not cover {', '.join(unpriced)}: the price is unknown."]


def _status(reason: StopReason, best: Candidate | None) -> Status:
    """What `reason` means here: proof outranks the way the turn stopped."""
    if best is not None and best.evidence.status == "verified":
        return Status.DONE
    status = STATUS_OF[reason]
    if best is not None and status in {Status.DONE, Status.DECLINED}:
        return Status.NOT_VERIFIED
    return status


def _answer(state: Turn, reason: StopReason, best: Candidate | None) -> str:
    """The message: the files, what running them showed, why it ended, and where it came from."""
    answer = state.get("answer", "")
    if request_of(state).route == "review":
        proof = show_run(best.evidence) if best else ""
        said = (answer or _UNANSWERED.get(reason, ""), show_findings(state.get("findings", [])), proof)
        return "\n\n".join(part for part in said if part) or "The turn ended without a review."
    if best is None:
        return answer or _UNANSWERED.get(reason, "The turn ended without an answer.")
    end = _ENDS.get(reason, "{answer}").format(repairs=state.get("repairs", 0), answer=answer)
    if best.evidence.status == "verified":
        end = _doubt(state, reason)
    parts = (
        show_files(best.files),
        show_evidence(best.evidence),
        end,
        _OFFLINE if _from_cookbook(state) else "",
    )
    return "\n\n".join(part for part in parts if part)


def _doubt(state: Turn, reason: StopReason) -> str:
    """What the reviewing model missed in a solution that stands because it is proved."""
    doubt = state.get("doubt", "")
    if not doubt or reason is StopReason.COMPLETED:
        return ""
    tried = (
        " A repair was tried and got no further, so the proved version stands."
        if state.get("repairs")
        else ""
    )
    return f"The reviewing model had a doubt that no test shows:{tried}\n\n" + indent(doubt.strip(), "> ")


def _from_cookbook(state: Turn) -> bool:
    """Whether the files were written by the offline model."""
    written = [call for call in state.get("calls", []) if call.step == "code" and not call.error]
    return bool(written) and written[-1].backend == "offline"
