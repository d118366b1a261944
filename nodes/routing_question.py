"""The one question to a model about what a request is: no tools, a short timeout, an answer out of a list."""

import json
from dataclasses import dataclass, field, replace
from typing import Final, get_args

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from nodes.asking import facts_of
from nodes.context import Task
from nodes.decisions import Asked, Decision
from nodes.prompting import fence, prompt
from providers.protocol import (
    Allowance,
    Call,
    LimitReachedError,
    ModelConfigError,
    Models,
    ModelsFailedError,
)
from routing.labels import Subject

ROUTING_S: Final = 8.0
"""Seconds that it may take."""

_HEAD, _TAIL = 2_500, 1_000
_ALLOWED: Final = tuple(task for task in get_args(Task) if not task.startswith("knowledge_"))
"""Nothing is stored or looked up because a model took a text for a wish to do so."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of it.

    Attributes:
        decision: None when there is none.
        calls: The attempt, if there was one.
        note: Why nothing came of it, in one sentence.
    """

    decision: Decision | None = None
    calls: list[Call] = field(default_factory=list)
    note: str = ""


async def ask_model(models: Models, asked: Asked) -> Said:
    """Ask the reasoning role once, if its chain can say and the turn has room for more than its answer."""
    left = _room(asked.allowance)
    messages: list[BaseMessage] = [
        SystemMessage(prompt("route")),
        HumanMessage(fence("request", _ends(asked.text))),
    ]
    try:
        if left is None or not await _can_say(models, asked.chain):
            return Said()
        reply = await models.reply("reasoning", messages, step="route", chain=asked.chain, allowance=left)
    except LimitReachedError as error:
        return Said(None, error.calls, "The model did not say in time what the request is.")
    except ModelsFailedError as error:
        return Said(None, error.calls, "The model could not be asked what the request is.")
    except ModelConfigError:
        return Said()  # the node that needs the model tells the user
    decision = read_decision(reply.text)
    return Said(decision, reply.calls, "" if decision else "The model did not say what the request is.")


def read_decision(said: str) -> Decision | None:
    """A model's answer if it is one of those that it may give: an object, or a bare label.

    Args:
        said: What the model wrote.
    """
    given: object = {"task": said.strip().strip("`\"'.*").casefold()}
    if (found := said.find("{")) >= 0:
        try:
            given, _ = json.JSONDecoder().raw_decode(said[found:])
        except (ValueError, RecursionError):
            return None
    if not isinstance(given, dict):
        return None
    task = next((one for one in _ALLOWED if one == given.get("task")), None)
    if task is None:
        return None
    subject = next((one for one in get_args(Subject) if one == given.get("subject")), "general")
    return Decision(task=task, subject=subject if task == "explanation" else "general", tier="model")


def _room(left: Allowance) -> Allowance | None:
    """What the question may use, or None when the turn's last call is needed for its answer."""
    seconds = ROUTING_S if left.seconds is None else min(ROUTING_S, left.seconds)
    if seconds <= 0 or (left.attempts is not None and left.attempts <= 1):
        return None
    return replace(left, attempts=1, seconds=seconds)


async def _can_say(models: Models, chain: str | None) -> bool:
    """Whether the first model of the chain is one to ask."""
    facts = await facts_of(models, "reasoning", chain)
    return facts is not None and facts.routes


def _ends(text: str) -> str:
    """The beginning and the end of a text, where the wish mostly stands."""
    return text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}\n[…]\n{text[-_TAIL:]}"
