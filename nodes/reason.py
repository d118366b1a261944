"""The reasoning model at work: a plan with acceptance tests for code, the whole answer for the rest."""

import time
from collections.abc import Mapping
from typing import ClassVar

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig

from nodes.asking import ask, facts_of
from nodes.cost import Cost
from nodes.ends import StopReason
from nodes.plans import read_plan
from nodes.prompting import fence, prompt
from nodes.recollection import fenced, recalled_in, with_rules
from nodes.show import show_files
from nodes.specialists import specialist_of
from nodes.tool_calls import MADE, asked_for
from nodes.toolbox import Offer, Toolbox, offered, screened
from nodes.turn import Request, Turn, request_of
from nodes.waiting import can_wait
from providers.answers.again import spoken
from providers.protocol import Models, Reply
from toolkit import AnyTool

HISTORY_CHARS = 40_000
"""How much of the conversation a model sees, in characters, newest first: some 10,000 tokens."""

_SILENT = "The reasoning model called a tool instead of answering, and none was offered."
_KNOWN = "What was known by then, as the tools gave it:"


class Reason:
    """Asks the reasoning role once: for an answer or a plan, or for what tools shall tell it first."""

    cost: ClassVar[Cost] = Cost(reasoning=1)

    def __init__(self, models: Models, toolbox: Toolbox | None = None) -> None:
        self._models = models
        self._toolbox = toolbox

    async def __call__(self, state: Turn, config: RunnableConfig) -> Turn:
        """Plan, answer, or ask for tools; once a limit on them is used up, none are offered any more."""
        request = request_of(state)
        coding = request.route == "code"
        # Counted before they are asked for, as every way back is.
        is_over = state.get("tool_stop") or state.get("tool_rounds", 0) >= request.limits.tool_rounds
        is_first = not state.get("tool_rounds", 0)
        offer = Offer() if is_over else await offered(self._toolbox, state, anew=is_first)
        # What could not be had is found out later, too, where a turn goes on after a crash.
        missing = dict.fromkeys([*(() if is_first else state.get("missing_tools", [])), *offer.notes])
        tools, noted = offer.tools, Turn(missing_tools=list(missing))
        reply = await ask(
            self._models,
            state,
            "reasoning",
            question(state, tools, await self._specialist(request)),
            step="plan" if coding else "answer",
            tools=[tool.as_schema() for tool in tools.values()],
        )
        if isinstance(reply, Reply) and reply.tool_calls and tools and not reply.without_tools:
            return _wanting(state, reply, tools, config) | noted
        done = _planned(state, reply) if coding else _answered(state, reply)
        return done | _toolless(reply) | noted

    async def _specialist(self, request: Request) -> str:
        """What is told to whoever answers this kind of request."""
        if request.route != "answer":
            return ""
        specialist = specialist_of(request.task, request.decision.subject)
        if not specialist.works_in_steps:
            return specialist.rules(thinks=False)
        facts = await facts_of(self._models, "reasoning", request.reasoning_model)
        return specialist.rules(thinks=facts is not None and facts.thinks)


def question(state: Turn, tools: Mapping[str, AnyTool], specialist: str) -> list[BaseMessage]:
    """The question, with what tools gave so far; as text where no more are offered."""
    request, recalled = request_of(state), recalled_in(state)
    exchange = state.get("exchange", [])
    parts = (
        fenced(recalled),
        fence("request", request.text),
        fence("code", show_files(request.attached)),
        fence("diff", request.diff),
        fence("tests", request.tests),
    )
    own = "\n\n".join(filter(None, (prompt("plan" if request.route == "code" else "answer"), specialist)))
    rules = with_rules(own, recalled)
    messages: list[BaseMessage] = [
        SystemMessage(f"{rules}\n\n{prompt('tools')}" if tools or exchange else rules),
        *history(state.get("messages", [])[:-1]),
        HumanMessage("\n\n".join(filter(None, parts))),
        *exchange,
    ]
    if exchange and not tools:
        return spoken([*messages, HumanMessage(prompt("no_more_tools"))])
    return messages


def _wanting(state: Turn, reply: Reply, tools: Mapping[str, AnyTool], config: RunnableConfig) -> Turn:
    """Ask for a round of calls, each decided on."""
    uses = state.get("tool_uses", [])
    message, wanted = asked_for(reply, [use.id for use in uses])
    thread = str(config.get("configurable", {}).get("thread_id") or "")
    wanted = screened(state, wanted, tools, thread=thread, can_ask=can_wait(config))
    return Turn(
        calls=reply.calls,
        exchange=[*state.get("exchange", []), message],
        wanted=wanted,
        tool_rounds=state.get("tool_rounds", 0) + 1,
        asked_at=time.time(),
    )


def _planned(state: Turn, reply: Reply | Turn) -> Turn:
    wants = request_of(state).limits.plan_approval
    asked = Turn(approvals=1, asked_at=time.time()) if wants else Turn()
    if not isinstance(reply, Reply):
        return _without_recipe(reply) | asked
    plan, acceptance = read_plan(reply.text)
    return Turn(calls=reply.calls, plan=plan, acceptance=acceptance) | asked


def _answered(state: Turn, reply: Reply | Turn) -> Turn:
    if not isinstance(reply, Reply):
        return reply
    if not reply.text.strip():
        known = _known(state)
        # What tools gave is an answer of a kind: a limit kept the model from more, and it did not fail.
        reason = StopReason.TOOL_LIMIT if known else StopReason.MODELS_FAILED
        return Turn(calls=reply.calls, answer="\n\n".join((_SILENT, *known)), stop_reason=reason)
    return Turn(calls=reply.calls, answer=reply.text, stop_reason=StopReason.COMPLETED)


def _known(state: Turn) -> list[str]:
    """What tools gave, for a reader whose model will not say it."""
    lines = [
        f"- {use.name}: {' '.join(use.excerpt.split())}"
        for use in state.get("tool_uses", [])
        if use.outcome in MADE
    ]
    return [_KNOWN, "\n".join(lines)] if lines else []


def _toolless(reply: Reply | Turn) -> Turn:
    """Which model answered without the tools that were offered, if one did."""
    if not isinstance(reply, Reply) or not reply.without_tools:
        return Turn()
    return Turn(toolless=reply.calls[-1].model)


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
