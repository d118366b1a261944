"""The verdict. Evidence decides; the reasoning model explains a failure or judges what tests cannot."""

import asyncio
from typing import ClassVar

from langchain_core.messages import HumanMessage, SystemMessage

from nodes.asking import ask
from nodes.cost import Cost
from nodes.critique import critique
from nodes.ends import STATUS_OF, Status, StopReason
from nodes.opinions import Diagnosis, read_diagnosis, read_opinion
from nodes.progress import digest, failure_of, is_stuck
from nodes.prompting import fence, prompt
from nodes.result import Candidate
from nodes.show import show_failure, show_files
from nodes.turn import Turn, request_of
from providers.protocol import Models, Reply, Step
from sandbox.evidence import Evidence

_SET_ASIDE = "The reviewing model's verdict was set aside, because {why}: the checks decide."


class Review:
    """Passes, asks for a repair, or stops. It cannot pass what the sandbox failed."""

    cost: ClassVar[Cost] = Cost(reasoning=1)

    def __init__(self, models: Models) -> None:
        self._models = models

    async def __call__(self, state: Turn) -> Turn:
        """Review the user's code, or decide about our own."""
        if request_of(state).route == "review":
            return await critique(self._models, state)
        return await self._decide(state)

    async def _decide(self, state: Turn) -> Turn:
        """Decide from the evidence first; ask the model only where the evidence leaves a question."""
        if state.get("stop_reason"):
            return Turn(verdict="stop")
        evidence = state.get("evidence")
        if evidence is None or evidence.status == "not_executed":
            return Turn(verdict="stop", stop_reason=StopReason.NOT_EXECUTED)
        if may_pass(evidence):
            return await self._judge(state, evidence)
        if state.get("repairs", 0) >= request_of(state).limits.max_repairs:
            return Turn(verdict="stop", stop_reason=StopReason.REPAIRS_EXHAUSTED)
        if is_stuck(state, evidence):
            return await self._escalate(state)
        words, update = await self._ask(state, "diagnose", evidence)
        repair = _repair(state, evidence, read_diagnosis(words))
        return update if update.get("stop_reason") else update | repair

    async def _judge(self, state: Turn, evidence: Evidence) -> Turn:
        """Every required check passed: with tests of the user's own that is the end of it."""
        best = Candidate(files=state.get("files", []), evidence=evidence)
        done = Turn(verdict="pass", stop_reason=StopReason.COMPLETED, best=best, doubt="")
        if any(check.name == "tests" and check.passed for check in evidence.checks):
            return done
        if is_stuck(state, evidence):  # the proved version stands, and so does the doubt about it
            return Turn(verdict="stop", stop_reason=StopReason.NO_PROGRESS)
        words, update = await self._ask(state, "judge", evidence)
        if update.get("stop_reason"):
            return Turn(verdict="pass") | update
        opinion = read_opinion(words)
        if opinion.verdict != "revise":
            why = opinion.contradiction
            return done | update | Turn(remark=_SET_ASIDE.format(why=why) if why else "")
        return update | self._doubt(state, evidence, "\n".join(opinion.problems))

    @staticmethod
    def _doubt(state: Turn, evidence: Evidence, doubt: str) -> Turn:
        """A proved candidate lacks something in the model's eyes: one more try, where there is one left."""
        if state.get("repairs", 0) >= request_of(state).limits.max_repairs:
            return Turn(verdict="stop", stop_reason=StopReason.REPAIRS_EXHAUSTED, doubt=doubt)
        missing = Diagnosis(why="Every check passed, but a reviewer misses something.", change=doubt)
        return _repair(state, evidence, missing) | Turn(doubt=doubt)

    async def _escalate(self, state: Turn) -> Turn:
        """Go back to the best candidate and ask the next model of the coder's chain, if there is one."""
        best, escalation = state.get("best"), state.get("escalation", 0) + 1
        chain = await asyncio.to_thread(self._models.facts, "coding", request_of(state).coding_model)
        if best is None or escalation >= len(chain.names):
            return Turn(verdict="stop", stop_reason=StopReason.NO_PROGRESS)
        back = state | Turn(files=best.files, evidence=best.evidence)
        words, update = await self._ask(back, "diagnose", best.evidence)
        if update.get("stop_reason"):
            return update
        again = _repair(back, best.evidence, read_diagnosis(words))
        return update | again | Turn(files=best.files, evidence=best.evidence, escalation=escalation)

    async def _ask(self, state: Turn, step: Step, evidence: Evidence) -> tuple[str, Turn]:
        """The reasoning model's words and the calls they took.

        Nothing when it failed or declined, for evidence stands without it. When a limit struck,
        the update ends the turn.
        """
        parts = (
            fence("request", request_of(state).text),
            fence("plan", state.get("plan", "")),
            fence("solution", show_files(state.get("files", []))),
            fence("failure", show_failure(evidence)),
        )
        messages = [SystemMessage(prompt(step)), HumanMessage("\n\n".join(filter(None, parts)))]
        reply = await ask(self._models, state, "reasoning", messages, step=step)
        if isinstance(reply, Reply):
            return reply.text, Turn(calls=reply.calls)
        reason = reply.get("stop_reason")
        if reason is not None and STATUS_OF[reason] is Status.LIMIT:
            return "", reply | Turn(verdict="stop")
        return "", Turn(calls=reply.get("calls", state.get("calls", [])))


def may_pass(evidence: Evidence) -> bool:
    """The rule that no model's word can change: nothing passes while a required check fails."""
    return evidence.status == "verified" and evidence.failure is None


def _repair(state: Turn, evidence: Evidence, diagnosis: Diagnosis) -> Turn:
    """Send the candidate back to the coder, counted."""
    return Turn(
        verdict="repair",
        diagnosis=diagnosis,
        repairs=state.get("repairs", 0) + 1,
        tried=[*state.get("tried", []), digest(state.get("files", []))],
        last_failure=failure_of(evidence),
    )
