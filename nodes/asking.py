"""Ask a role once; a failure becomes the end of the turn, never an exception."""

from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from nodes.turn import StopReason, Turn, request_of
from providers.protocol import ModelConfigError, Models, ModelsFailedError, Reply, Role, Step


async def ask(
    models: Models, state: Turn, role: Role, messages: Sequence[BaseMessage], *, step: Step
) -> Reply | Turn:
    """Ask `role`, with the chain that this turn's request chose for it.

    Returns:
        The reply with every call of the turn so far; or, when there is none, the update that
        ends the turn: every model failed, the model declined, or the chain names no model.
    """
    request = request_of(state)
    chain = request.coding_model if role == "coding" else request.reasoning_model
    before = state.get("calls", [])
    try:
        reply = await models.reply(role, messages, step=step, chain=chain)
    except ModelsFailedError as error:
        return Turn(calls=[*before, *error.calls], answer=str(error), stop_reason=StopReason.MODELS_FAILED)
    except ModelConfigError as error:
        return Turn(answer=str(error), stop_reason=StopReason.INVALID_REQUEST)
    calls = [*before, *reply.calls]
    if reply.refusal:
        return Turn(calls=calls, answer=reply.refusal, stop_reason=StopReason.DECLINED)
    return Reply(reply.text, reply.reasoning, tool_calls=reply.tool_calls, calls=calls)
