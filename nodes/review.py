"""The verdict. Evidence decides; the reasoning model explains a failure or judges what tests cannot."""

import re

from langchain_core.messages import HumanMessage, SystemMessage

from nodes.asking import ask
from nodes.prompting import fence, prompt
from nodes.show import show_failure, show_files
from nodes.turn import Request, StopReason, Turn, request_of
from providers.protocol import Call, Models, Reply, Step
from sandbox.evidence import Evidence

_VERDICT = re.compile(r"\bVERDICT\W+(PASS|REVISE)\b", re.IGNORECASE)


class Review:
    """Passes, asks for a repair, or stops. It cannot pass what the sandbox failed."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def __call__(self, state: Turn) -> Turn:
        """Decide from the evidence first; ask the model only where the evidence leaves a question."""
        request = request_of(state)
        evidence = state.get("evidence")
        if evidence is None or evidence.status == "not_executed":
            return Turn(verdict="stop", stop_reason=StopReason.NOT_EXECUTED)
        if evidence.status == "verified":
            return await self._judge(state, request, evidence)
        if state.get("repairs", 0) >= request.max_repairs:
            return Turn(verdict="stop", stop_reason=StopReason.REPAIRS_EXHAUSTED)
        diagnosis, calls = await self._ask(state, "diagnose", evidence)
        return _repair(state, diagnosis, calls)

    async def _judge(self, state: Turn, request: Request, evidence: Evidence) -> Turn:
        """Every required check passed: with tests of the user's own that is the end of it."""
        passed = Turn(verdict="pass", stop_reason=StopReason.COMPLETED)
        if any(check.name == "tests" and check.passed for check in evidence.checks):
            return passed
        opinion, calls = await self._ask(state, "judge", evidence)
        verdict = _VERDICT.search(opinion)
        if verdict is None or verdict[1].upper() == "PASS":
            return passed | Turn(calls=calls, diagnosis="")
        if state.get("repairs", 0) >= request.max_repairs:
            return passed | Turn(calls=calls, diagnosis=opinion)
        return _repair(state, opinion, calls)

    async def _ask(self, state: Turn, step: Step, evidence: Evidence) -> tuple[str, list[Call]]:
        """The reasoning model's words, or nothing when it fails or declines: evidence stands without it."""
        request = request_of(state)
        parts = (
            fence("request", request.text),
            fence("plan", state.get("plan", "")),
            fence("solution", show_files(state.get("files", []))),
            fence("failure", show_failure(evidence)),
        )
        messages = [SystemMessage(prompt(step)), HumanMessage("\n\n".join(filter(None, parts)))]
        reply = await ask(self._models, state, "reasoning", messages, step=step)
        if isinstance(reply, Reply):
            return reply.text, reply.calls
        return "", reply.get("calls", state.get("calls", []))


def _repair(state: Turn, diagnosis: str, calls: list[Call]) -> Turn:
    """Send the candidate back to the coder, counted."""
    return Turn(verdict="repair", diagnosis=diagnosis, calls=calls, repairs=state.get("repairs", 0) + 1)
