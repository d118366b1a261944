"""The one question to a model about what a request is: no tools, a short timeout, an answer out of a list."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar, get_args

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
_ANSWER = 2_000
"""So much of an answer is read; a label in an object is far shorter."""

T = TypeVar("T", bound=str)
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

    An answer with several objects that differ says nothing: one may be quoted from the request.

    Args:
        said: What the model wrote; only its beginning is read.
    """
    said = said[:_ANSWER].strip()
    given = _objects(said) if "{" in said else [{"task": said.strip("`\"'.*")}]
    found = {
        (_one_of(_ALLOWED, each.get("task")), _one_of(get_args(Subject), each.get("subject")))
        for each in given
    }
    if len(found) != 1:
        return None
    task, subject = found.pop()
    if task is None:
        return None
    return Decision(task=task, subject=(task == "explanation" and subject) or "general", tier="model")


def _objects(said: str) -> list[dict[str, object]]:
    """The JSON objects in an answer, in their order; not those inside of others."""
    found: list[dict[str, object]] = []
    at = said.find("{")
    while at >= 0:
        try:
            one, at = json.JSONDecoder(object_pairs_hook=_unambiguous).raw_decode(said, at)
            found.append(one)
        except (ValueError, RecursionError):
            at += 1
        at = said.find("{", at)
    return found


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object; an empty one where a name occurs twice, as nobody knows which of them is meant."""
    one = dict(pairs)
    return one if len(one) == len(pairs) else {}


def _one_of(names: Sequence[T], given: object) -> T | None:
    """A name that may be given, however it is spaced and in whatever case."""
    said = given.strip().casefold() if isinstance(given, str) else None
    return next((name for name in names if name == said), None)


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
