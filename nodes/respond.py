"""The end of every turn: one message for the user and the typed `Result`. Calls no model."""

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from nodes.show import show_evidence, show_files
from nodes.turn import STATUS_OF, Candidate, Result, Status, StopReason, Turn, request_of
from sandbox.evidence import Evidence

_ENDS = {
    StopReason.REPAIRS_EXHAUSTED: "It still fails after {repairs} repair(s), the most this turn may use.",
    StopReason.NO_PROGRESS: "The coding model gave the same code again, so trying on would not help.",
    StopReason.MODELS_FAILED: "The turn ended early: {answer}",
    StopReason.DECLINED: "{answer}",
}
_OFFLINE = (
    "_This came from Duograph's embedded offline model, a cookbook of common tasks. "
    "Connect a model for everything else: see `duograph ask --help`._"
)


class Respond:
    """Builds the answer from the best candidate and the evidence for it."""

    async def __call__(self, state: Turn, config: RunnableConfig) -> Turn:
        """Write the answer. This node is always reached, also when something gave out."""
        request = request_of(state)
        reason = state.get("stop_reason") or StopReason.COMPLETED
        best = state.get("best")
        nothing = Evidence(status="not_applicable" if request.route == "answer" else "not_executed")
        evidence = best.evidence if best else nothing
        configurable = config.get("configurable", {})
        result = Result(
            answer=_answer(state, reason, best),
            task=request.task,
            route=request.route,
            status=_status(reason, best),
            stop_reason=reason,
            verification=evidence,
            files=best.files if best else [],
            plan=state.get("plan", ""),
            repairs=state.get("repairs", 0),
            calls=state.get("calls", []),
            thread_id=configurable.get("thread_id"),
            run_id=str(run) if (run := configurable.get("run_id") or config.get("run_id")) else None,
        )
        return Turn(messages=[AIMessage(result.answer)], result=result)


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
    if best is None:
        return answer
    verified = best.evidence.status == "verified"
    end = _ENDS.get(reason, "").format(repairs=state.get("repairs", 0), answer=answer)
    doubt = state.get("diagnosis", "") if verified and reason is StopReason.COMPLETED else ""
    parts = (
        show_files(best.files),
        show_evidence(best.evidence),
        end,
        f"The reviewing model still had a doubt that no test shows: {doubt}" if doubt else "",
        _OFFLINE if _from_cookbook(state) else "",
    )
    return "\n\n".join(part for part in parts if part)


def _from_cookbook(state: Turn) -> bool:
    """Whether the files were written by the offline model."""
    written = [call for call in state.get("calls", []) if call.step == "code" and not call.error]
    return bool(written) and written[-1].backend == "offline"
