"""Ask a role once; a failure or a limit becomes the end of the turn, never an exception."""

from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from nodes.ends import REASON_OF, StopReason
from nodes.limits import allowance, describe
from nodes.turn import Turn, request_of, spending_of
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


async def ask(
    models: Models, state: Turn, role: Role, messages: Sequence[BaseMessage], *, step: Step
) -> Reply | Turn:
    """Ask `role` within what is left of the turn's limits, with the chain that its request chose.

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
        reply = await models.reply(role, messages, step=step, chain=chain, allowance=left)
    except LimitReachedError as error:
        end = Turn(calls=[*before, *error.calls], stop_reason=REASON_OF[error.limit])
        return end | Turn(answer=describe(error.limit, request.limits))
    except ModelsFailedError as error:
        return Turn(calls=[*before, *error.calls], answer=str(error), stop_reason=StopReason.MODELS_FAILED)
    except ModelConfigError as error:
        return Turn(answer=str(error), stop_reason=StopReason.INVALID_REQUEST)
    calls = [*before, *reply.calls]
    if reply.refusal:
        return Turn(calls=calls, answer=reply.refusal, stop_reason=StopReason.DECLINED)
    if reply.partial:
        answer = f"{reply.text}\n\n{_PARTIAL.format(error=calls[-1].error)}"
        return Turn(calls=calls, answer=answer, stop_reason=StopReason.MODELS_FAILED)
    return Reply(reply.text, reply.reasoning, tool_calls=reply.tool_calls, calls=calls)
