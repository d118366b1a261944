"""Ask a role once; a failure or a limit becomes the end of the turn, never an exception."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import BaseMessage

from nodes.ends import REASON_OF, StopReason
from nodes.limits import allowance, describe
from nodes.turn import Turn, request_of, spending_of
from providers.facts import ChainFacts
from providers.protocol import (
    LimitReachedError,
    ModelConfigError,
    Models,
    ModelsFailedError,
    Reply,
    Role,
    Step,
)

_PARTIAL = "_This answer is not complete: the model broke off ({error}), and no other one answered._"


async def facts_of(models: Models, role: Role, chain: str | None) -> ChainFacts | None:
    """What is known of the chain that a turn asks; None when it names something that does not exist.

    Args:
        models: Who is asked.
        role: As whom.
        chain: One of this run's own, which may need a file or a table; None for the configured one.
    """
    try:
        return models.facts(role) if chain is None else await asyncio.to_thread(models.facts, role, chain)
    except ModelConfigError:
        return None  # whoever asks the model tells the user


async def ask(  # noqa: PLR0913  # who, what about, and what with
    models: Models,
    state: Turn,
    role: Role,
    messages: Sequence[BaseMessage],
    *,
    step: Step,
    tools: Sequence[Any] = (),
) -> Reply | Turn:
    """Ask `role` within what is left of the turn's limits, with the chain that its request chose.

    Args:
        models: Who answers.
        state: The turn so far.
        role: Which role.
        messages: The conversation.
        step: What the answer is for.
        tools: What the model may call.

    Returns:
        The reply with every call of the turn so far; or, when there is none, the update that
        ends the turn: a limit struck, every model failed, the model declined or broke off, or the chain names
        no model.
    """
    request = request_of(state)
    chain = request.coding_model if role == "coding" else request.reasoning_model
    before = state.get("calls", [])
    skip = state.get("escalation", 0) if role == "coding" else 0
    left = allowance(request.limits, spending_of(state), before, skip=skip)
    try:
        # Models of a program's own need not know of tools as long as none are offered.
        offered: dict[str, Any] = {"tools": tools} if tools else {}
        reply = await models.reply(role, messages, step=step, chain=chain, allowance=left, **offered)
    except LimitReachedError as error:
        end = Turn(calls=[*before, *error.calls], stop_reason=REASON_OF[error.limit])
        return end | Turn(answer=describe(error.limit, request.limits))
    except ModelsFailedError as error:
        return Turn(calls=[*before, *error.calls], answer=str(error), stop_reason=StopReason.MODELS_FAILED)
    except ModelConfigError as error:
        return Turn(answer=str(error), stop_reason=StopReason.INVALID_REQUEST)
    calls = [*before, *reply.calls]
    if reply.refusal:
        declined = Turn(calls=calls, answer=reply.refusal, stop_reason=StopReason.DECLINED)
        return declined | Turn(toolless=calls[-1].model) if reply.without_tools else declined
    if reply.partial:
        answer = f"{reply.text}\n\n{_PARTIAL.format(error=calls[-1].error)}"
        return Turn(calls=calls, answer=answer, stop_reason=StopReason.MODELS_FAILED)
    return replace(reply, calls=calls)
