"""Asks one model one question, as a turn would, but once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_core.messages import HumanMessage

from graph.services import embedding_models, role_models
from providers import Allowance, LimitReachedError, ModelConfigError, ModelsFailedError

if TYPE_CHECKING:
    from graph.settings import Settings
    from providers import Call, ModelSpec, RoleParameters

LIVE_S = 60.0
"""Seconds that one model may take to answer."""

_QUESTION = "Answer with the one word: ready"
_ROOM = 2000


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a question.

    Attributes:
        well: Whether the model answers.
        said: How, or why not.
        blocks: Whether no turn can use the model as it is configured.
    """

    well: bool
    said: str
    blocks: bool = False


async def ask(settings: Settings, spec: ModelSpec, parameters: RoleParameters) -> Answered:
    """Ask one model for one word, and say how long that took; a failure is not tried again.

    Args:
        settings: Keys, timeouts, and the promise of `local_only`.
        spec: The model.
        parameters: What the role asks it with.
    """
    chosen: dict[str, object] = dict.fromkeys(("coding_model", "background_model"), "offline")
    chosen |= {"reasoning_model": str(spec), "solo_model": None, "roles": {"reasoning": parameters}}
    # Whether the model may be asked was decided before; the other roles here are nobody's.
    prefer = "local_only" if settings.prefer == "local_only" else "chain"
    alone = settings.model_copy(update=chosen | {"prefer": prefer, "model_tries": 1})
    try:
        models = await asyncio.to_thread(role_models, alone)
        try:
            reply = await models.reply(
                "reasoning",
                [HumanMessage(_QUESTION)],
                step="answer",
                allowance=Allowance(attempts=1, output_tokens=_ROOM, seconds=LIVE_S),
            )
        finally:
            await models.aclose()
    except ModelConfigError as error:
        return Answered(well=False, said=str(error), blocks=True)
    except ModelsFailedError as error:
        return Answered(well=False, said=_reason(error))
    except LimitReachedError as error:
        if error.calls and error.calls[-1].first_token_s is not None:
            return Answered(well=True, said=f"was still answering after {_ROOM} tokens or {LIVE_S:g} s")
        return Answered(well=False, said=f"{spec}: nothing came within {LIVE_S:g} s; use a faster model.")
    return Answered(well=True, said=_measured(reply.calls[-1]))


async def embed(settings: Settings, spec: ModelSpec) -> Answered:
    """Let one model turn one text into a vector; see `ask`."""
    alone = settings.model_copy(update={"embedding_model": str(spec), "model_tries": 1})
    clock = asyncio.get_running_loop().time
    try:
        models = await asyncio.to_thread(embedding_models, alone)
        started = clock()
        try:
            async with asyncio.timeout(LIVE_S):
                made = await models.embed([_QUESTION])
        finally:
            await models.aclose()
    except ModelConfigError as error:
        return Answered(well=False, said=str(error), blocks=True)
    except ModelsFailedError as error:
        return Answered(well=False, said=_reason(error))
    except TimeoutError:
        return Answered(well=False, said=f"{spec}: nothing came within {LIVE_S:g} s; use a faster model.")
    return Answered(
        well=True, said=f"gave a vector of {made.dimensions} numbers in {clock() - started:.1f} s"
    )


def _reason(error: ModelsFailedError) -> str:
    """Leave out the role's name: one model was asked for all roles that name it."""
    text = str(error)
    return text.partition(" role: ")[2] or text


def _measured(call: Call) -> str:
    first = "" if call.first_token_s is None else f", first token after {call.first_token_s:.1f} s"
    about = "about " if call.tokens_estimated else ""
    tokens = f"{about}{call.input_tokens or 0} tokens in, {call.output_tokens or 0} out"
    cost = "" if call.cost_usd is None else f", {call.cost_usd:.6g} USD"
    return f"answered in {call.latency_s:.1f} s{first}, {tokens}{cost}"
