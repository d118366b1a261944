"""What programs hand in, checked before any model is asked: one sentence for what cannot be meant."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.messages import BaseMessage, convert_to_messages
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from providers.models import RoleModels
from providers.protocol import ModelConfigError
from providers.roles import RoleParameters
from providers.scrub import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import MessageLikeRepresentation

    Messages = str | Sequence[MessageLikeRepresentation]

T = TypeVar("T", bound=BaseModel)

_FORMS = 'give a text, or a list of messages such as [("user", "Hello")]'
_NOT_TOLD = ("self", "chains", "parameters")


def to_messages(messages: Messages) -> list[BaseMessage]:
    """Bring a text, or whatever LangChain takes as messages, into messages.

    Raises:
        ValueError: When they are none, or say nothing.
    """
    # LangChain walks through each of these, and takes keys and letters for messages of the user's.
    alone = isinstance(messages, BaseMessage | Mapping | bytes)
    if alone or (isinstance(messages, tuple) and len(messages) > 1 and isinstance(messages[0], str)):
        kind = type(messages).__name__
        raise ValueError(f"messages is one {kind}; {_FORMS}.")
    given: object = [("user", messages)] if isinstance(messages, str) else messages
    if not isinstance(given, Iterable):
        raise ValueError(f"messages is {quote(repr(messages))}; {_FORMS}.")  # noqa: TRY004 - as of the others
    asked: list[BaseMessage] = []
    for place, message in enumerate(given):
        try:
            asked += convert_to_messages([message])
        except (TypeError, ValueError, KeyError, NotImplementedError, AttributeError):
            raise ValueError(
                f"messages[{place}] is {quote(repr(message))}, which is none; give a message of LangChain, "
                "or a pair such as ('user', 'a text')."
            ) from None
    if not any(_says_something(message) for message in asked):
        raise ValueError("messages is empty; write what is wanted.")
    return asked


def _says_something(message: BaseMessage) -> bool:
    content = message.content.strip() if isinstance(message.content, str) else message.content
    return bool(content) or bool(getattr(message, "tool_calls", None))


def to_tools(tools: Sequence[Any]) -> tuple[Any, ...]:
    """Return the tools; what is none would look like a failure of each model.

    Raises:
        ValueError: When one is no tool.
    """
    if isinstance(tools, str | bytes | Mapping) or not hasattr(tools, "__iter__"):
        raise ValueError(f"tools is {quote(repr(tools))}; give a list of tools.")
    given = tuple(tools)
    for place, tool in enumerate(given):
        try:
            convert_to_openai_tool(tool)
        except Exception:  # noqa: BLE001 - whatever LangChain makes of it
            raise ValueError(
                f"tools[{place}] is {quote(repr(tool))}, which is no tool; "
                "give a function with a docstring, a pydantic model, a LangChain tool or its JSON."
            ) from None
    return given


def to_schema(schema: type[T]) -> type[T]:
    """Return the form of an answer.

    Raises:
        ValueError: When it is no pydantic model.
    """
    given: object = schema
    if not (isinstance(given, type) and issubclass(given, BaseModel)):
        raise ValueError(  # noqa: TRY004 - as of the other arguments
            f"schema is {quote(repr(schema))}; give a class that derives from pydantic.BaseModel."
        )
    return schema


def to_texts(texts: Sequence[str]) -> list[str]:
    """Return the texts to embed; one text alone would be taken letter by letter.

    Raises:
        ValueError: When they are no list of texts.
    """
    if isinstance(texts, str | bytes | Mapping) or not hasattr(texts, "__iter__"):
        raise ValueError(f"texts is one {type(texts).__name__}; give a list of texts.")
    given = list(texts)
    for place, text in enumerate(given):
        if not isinstance(text, str):
            raise ValueError(  # noqa: TRY004 - as of the other arguments
                f"texts[{place}] is {quote(repr(text))}; give a text."
            )
    return given


def to_updates(role: str, updates: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what to change of a role.

    Raises:
        ModelConfigError: When it is no table.
    """
    given: object = updates
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise ModelConfigError(
            f"The updates of the {role} role are {quote(repr(updates))}; "
            'give a table such as {"temperature": 0.2}.'
        )
    return updates


def one_model(
    owner: str, model: str, parameters: RoleParameters | None, options: Mapping[str, Any]
) -> RoleModels:
    """Make the chain of one model that `OnlineModel` and `LocalModel` ask.

    Args:
        owner: Who is made, for messages.
        model: The model string.
        parameters: What it is asked with.
        options: As `RoleModels` takes them.

    Raises:
        ModelConfigError: When an argument is wrong.
    """
    if not isinstance(model, str):
        raise ModelConfigError(f"model is {quote(repr(model))}; give a model string such as openai:gpt-5.4.")
    if parameters is not None and not isinstance(parameters, RoleParameters):
        raise ModelConfigError(
            f"parameters is a {type(parameters).__name__}; give RoleParameters, "
            "such as RoleParameters(temperature=0.2)."
        )
    known = [name for name in inspect.signature(RoleModels.__init__).parameters if name not in _NOT_TOLD]
    for name in options:
        if name not in known:
            raise ModelConfigError(_unknown(owner, name, known))
    return RoleModels(
        {"reasoning": model}, parameters={"reasoning": parameters or RoleParameters()}, **options
    )


def _unknown(owner: str, name: str, known: Sequence[str]) -> str:
    if name in RoleParameters.model_fields and name not in known:
        return f"{owner} takes {name} inside its parameters: RoleParameters({name}=…)."
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."
    return f"{owner} has no option {name!r}: {hint}"


def to_name(field: str, name: object, known: Sequence[str]) -> str:
    """Return a name that must be one of some.

    Raises:
        ValueError: When it is none of them.
    """
    if isinstance(name, str) and name in known:
        return name
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(known)}."
    raise ValueError(f"There is no {field} {name!r}: {hint}")
