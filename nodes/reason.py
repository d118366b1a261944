"""The reasoning model at work: a plan with acceptance tests for code, the whole answer for the rest."""

import time
from typing import ClassVar

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage

from nodes.asking import ask
from nodes.cost import Cost
from nodes.ends import StopReason
from nodes.plans import read_plan
from nodes.prompting import fence, prompt
from nodes.recollection import fenced, recalled_in, with_rules
from nodes.show import show_files
from nodes.turn import Turn, request_of
from providers.protocol import Models, Reply

HISTORY_CHARS = 40_000
"""How much of the conversation a model sees, in characters, newest first: some 10,000 tokens."""


class Reason:
    """Asks the reasoning role once."""

    cost: ClassVar[Cost] = Cost(reasoning=1)

    def __init__(self, models: Models) -> None:
        self._models = models

    async def __call__(self, state: Turn) -> Turn:
        """Plan, or answer."""
        request = request_of(state)
        coding = request.route == "code"
        recalled = recalled_in(state)
        parts = (
            fenced(recalled),
            fence("request", request.text),
            fence("code", show_files(request.attached)),
            fence("diff", request.diff),
            fence("tests", request.tests),
        )
        said = "\n\n".join(filter(None, parts))
        messages: list[BaseMessage] = [
            SystemMessage(with_rules(prompt("plan" if coding else "answer"), recalled)),
            *history(state.get("messages", [])[:-1]),
            HumanMessage(said),
        ]
        reply = await ask(self._models, state, "reasoning", messages, step="plan" if coding else "answer")
        asked = Turn(approvals=1, asked_at=time.time()) if coding and request.limits.plan_approval else Turn()
        if not isinstance(reply, Reply):
            return _without_recipe(reply) | asked if coding else reply
        if not coding and not reply.text.strip():
            silent = "The reasoning model called a tool instead of answering, and none was offered."
            return Turn(calls=reply.calls, answer=silent, stop_reason=StopReason.MODELS_FAILED)
        if not coding:
            return Turn(calls=reply.calls, answer=reply.text, stop_reason=StopReason.COMPLETED)
        plan, acceptance = read_plan(reply.text)
        return Turn(calls=reply.calls, plan=plan, acceptance=acceptance) | asked


def _without_recipe(end: Turn) -> Turn:
    """Go on without a plan where only the offline cookbook had none: the coder may be a real model."""
    if end["stop_reason"] is StopReason.DECLINED and end["calls"][-1].backend == "offline":
        return Turn(calls=end["calls"])
    return end


def history(messages: list[AnyMessage]) -> list[BaseMessage]:
    """The newest messages between user and agent that fit the budget, oldest first."""
    kept: list[BaseMessage] = []
    left = HISTORY_CHARS
    for message in reversed(messages):
        text = str(message.text)
        left -= len(text)
        if left < 0:
            break
        if text.strip() and message.type in {"human", "ai"}:
            kept.append(HumanMessage(text) if message.type == "human" else AIMessage(text))
    return kept[::-1]
