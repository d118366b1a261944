"""Answers in a form: asked for by the best means of each model, read with patience, validated by pydantic."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import BaseModel, ValidationError

from providers.answers.lenient_json import json_values
from providers.manner import Form
from providers.protocol import Allowance, Call, LimitReachedError, ModelsFailedError, Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

T = TypeVar("T", bound=BaseModel)

_ASK = "Answer with one JSON object that fits this JSON schema, and with nothing else:\n{schema}"
_AGAIN = (
    "That answer does not fit: {problem}\nAnswer again with the whole JSON object, and with nothing else."
)
_MOST_PROBLEMS = 8
_LONGEST_ECHO = 20_000


@dataclass(frozen=True, slots=True)
class Structured(Generic[T]):
    """An answer in a form.

    Attributes:
        value: What the model answered, validated.
        reply: How it came about; `calls` are those of the second question too.
    """

    value: T
    reply: Reply


class UnfitAnswerError(ModelsFailedError):
    """A model answered twice, and neither answer had the form."""


def form_of(schema: type[BaseModel]) -> Form:
    """Return the form that a pydantic model describes.

    Raises:
        TypeError: When it is no pydantic model.
    """
    given: object = schema
    if not (isinstance(given, type) and issubclass(given, BaseModel)):
        raise TypeError(f"schema is {str(given)[:80]}: give a class derived from pydantic's BaseModel.")
    described = schema.model_json_schema()
    name = "".join(letter if letter.isalnum() else "_" for letter in schema.__name__)
    return Form(name[:60], described)


def asking_for(form: Form, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Say in words which form is wanted: some servers ignore every other means."""
    words = _ASK.format(schema=json.dumps(form.schema, ensure_ascii=False))
    *before, last = messages or [HumanMessage("")]
    # Not a message of its own: many local models take no two of one speaker in a row.
    if isinstance(last, HumanMessage) and isinstance(last.content, str):
        return [*before, HumanMessage(f"{last.content}\n\n{words}".lstrip())]
    return [*before, last, HumanMessage(words)]


def read_value(schema: type[T], form: Form, reply: Reply) -> T:
    """Read a reply.

    Raises:
        ValueError: When nothing in it has the form; the message says what is wrong, for the model.
    """
    given = [call.get("args") for call in reply.tool_calls if call.get("name") == form.name]
    problem = "it holds no JSON object."
    for value in (*given, *json_values(reply.text)):
        try:
            return schema.model_validate_json(json.dumps(value))
        except ValidationError as error:
            # Of several values, what is wrong with the first one is told: it is the likeliest to be meant.
            problem = problem if problem.startswith("wrong") else _problem(error)
    raise ValueError(problem)


async def ask_as(
    schema: type[T],
    messages: Sequence[BaseMessage],
    allowance: Allowance,
    *,
    ask: Callable[[Sequence[BaseMessage], Allowance, Form], Awaitable[Reply]],
    clock: Callable[[], float],
) -> Structured[T]:
    """Ask, and once more when the answer does not fit, beginning with the model that gave it.

    Args:
        schema: What the answer must be.
        messages: The conversation.
        allowance: For both questions together.
        ask: Puts a question to the chain.
        clock: Gives the event loop's time.

    Raises:
        UnfitAnswerError: When the second answer does not fit either, or the model declined.
        LimitReachedError: When the allowance forbids an attempt or ends one; it holds the calls of both.
        ModelsFailedError: When every model failed; it holds the calls of both.
    """
    form, started = form_of(schema), clock()
    question = asking_for(form, messages)
    first = await ask(question, allowance, form)
    try:
        return Structured(_value(schema, form, first), first)
    except ValueError as error:
        wrong = first.text or json.dumps([call.get("args") for call in first.tool_calls])
        again = [AIMessage(wrong[:_LONGEST_ECHO]), HumanMessage(_AGAIN.format(problem=error))]
    left = spent(allowance, first.calls, clock() - started)
    try:
        second = await ask([*question, *again], replace(left, skip=allowance.skip + first.place), form)
    except (LimitReachedError, ModelsFailedError) as error:
        error.calls[:0] = first.calls
        raise
    second = replace(second, calls=[*first.calls, *second.calls], place=first.place + second.place)
    try:
        return Structured(_value(schema, form, second), second)
    except ValueError as error:
        raise UnfitAnswerError(f"No answer was a {form.name}: {error}", second.calls) from None


def _value(schema: type[T], form: Form, reply: Reply) -> T:
    if reply.refusal:
        raise UnfitAnswerError(f"The model declined: {reply.refusal}", reply.calls)
    return read_value(schema, form, reply)


def spent(allowance: Allowance, calls: Sequence[Call], seconds: float) -> Allowance:
    """Return what is left of an allowance.

    Args:
        allowance: What there was.
        calls: The attempts made since.
        seconds: How long they took, waits included.
    """

    def left(name: str, used: float) -> Any:  # noqa: ANN401 - as the field is
        had = getattr(allowance, name)
        return None if had is None else max(had - used, 0)

    return replace(
        allowance,
        attempts=left("attempts", len(calls)),
        input_tokens=left("input_tokens", sum(call.input_tokens or 0 for call in calls)),
        output_tokens=left("output_tokens", sum(call.output_tokens or 0 for call in calls)),
        cost_usd=left("cost_usd", sum(call.cost_usd or 0.0 for call in calls)),
        seconds=left("seconds", seconds),
    )


def _problem(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    told = [f"{'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}" for each in found]
    return f"wrong are {'; '.join(told[:_MOST_PROBLEMS])}."
