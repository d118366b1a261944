"""The last check: one request through the real graph, from the words to the verified code."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from providers import ModelConfigError
from serving.doctor.finding import Finding
from serving.text import counted

if TYPE_CHECKING:
    from graph.settings import Settings
    from nodes import Result

REQUEST = "Write a Python function that checks if a number is prime"
OFFLINE_S = 60.0
LIVE_S = 300.0
_ROLES = 2
_MODELS = ("reasoning_model", "coding_model", "background_model", "embedding_model")


async def see_analysis(settings: Settings, *, live: bool) -> Finding:
    """Answer one request; its session is kept in memory only.

    Args:
        settings: Those in force. Limits and plan approval do not hold for it, but a time limit does.
        live: Whether the configured models answer, instead of the embedded offline model.
    """
    from graph.agent import Agent  # noqa: PLC0415  # seconds of imports that the other checks need not wait for
    from graph.settings import SettingsError  # noqa: PLC0415  # the same

    chosen: dict[str, object] = {"database": ":memory:", "plan_approval": False}
    chosen |= dict.fromkeys(("max_model_calls", "max_input_tokens", "max_output_tokens", "max_cost_usd"))
    chosen["turn_timeout_s"] = min(settings.turn_timeout_s, LIVE_S) if live else OFFLINE_S
    if not live:
        chosen |= dict.fromkeys(_MODELS, "offline")
        chosen |= {"solo_model": None, "prefer": "chain"}
    try:
        agent = await asyncio.to_thread(Agent, settings.model_copy(update=chosen))
        try:
            result = await agent.aask(REQUEST)
        finally:
            await agent.aclose()
    except ModelConfigError as error:
        return Finding("analysis", "fail", str(error), "Mend the models above first.")
    except SettingsError as error:
        return Finding("analysis", "fail", str(error), "Mend that setting first.")
    return _judge(result, live=live and len(settings.unconfigured) < _ROLES)


def _judge(result: Result, *, live: bool) -> Finding:
    who = "your models" if live else "the offline model"
    evidence = result.verification
    if evidence.status == "verified":
        calls = counted(len(result.calls), "model call")
        detail = (
            f"{who} answered a request for code, and running it in {evidence.sandbox} verified it ({calls})"
        )
        return Finding("analysis", "ok", detail)
    why = evidence.reason or result.stop_reason
    detail = f"{who} answered, and the code is {evidence.status.replace('_', ' ')}: {why}"
    if result.status == "failed":
        return Finding("analysis", "fail", f"{who} did not answer: {why}", "Mend the models above first.")
    if evidence.status == "not_executed":
        return Finding("analysis", "fail", detail, "Mend the sandbox above first.")
    if live:
        return Finding(
            "analysis", "warn", detail, "Try a stronger coding model: duograph models --role coding"
        )
    return Finding("analysis", "fail", detail, "Report this: the offline model's code should be verified.")
