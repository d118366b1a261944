"""Plain Python functions as tools."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields as fields_of
from dataclasses import is_dataclass
from functools import partial
from inspect import (
    Parameter,
    isasyncgen,
    isasyncgenfunction,
    isawaitable,
    isgenerator,
    isgeneratorfunction,
    isroutine,
    signature,
)
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, create_model
from pydantic.json_schema import PydanticJsonSchemaWarning

from toolkit.protocol import AnyTool, Arguments, Tool, ToolConfigError, ToolError, ToolInfo, ToolText
from toolkit.same_code import fingerprint_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from toolkit.protocol import Answer, Effect

F = TypeVar("F", bound=Callable[..., Any])

_EFFECT = "__tool_effect__"
_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_INSTEAD = {
    Parameter.POSITIONAL_ONLY: "leave out the / after it",
    Parameter.VAR_POSITIONAL: "make it an ordinary one, such as a list",
    Parameter.VAR_KEYWORD: "make it an ordinary one, such as a dict",
}


def has_effect(effect: Effect) -> Callable[[F], F]:
    """Declare what calling a function can do; a function that does not say so can `write`."""

    def declare(function: F) -> F:
        setattr(function, _EFFECT, effect)
        return function

    return declare


def tool_of(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    effect: Effect | None = None,
    timeout_s: float = 30,
    max_chars: int = 20_000,
) -> AnyTool:
    """Make a tool of a function, sync or async, with type hints and a docstring.

    What it returns is shown to the model: a text as it is, all else as JSON. A `ToolError` that it raises is
    shown too; of every other exception only the class. Each call has a thread of its own, and a coroutine
    function an event loop of its own.

    Args:
        function: What to call; `Args:` of a Google-style docstring describe its arguments.
        name: As the model calls it, or None for the function's own.
        effect: The worst that a call can do, or None for what `has_effect` declared, else `write`.
        timeout_s: Seconds until a call is given up.
        max_chars: The longest result that the model is shown.

    Raises:
        ToolConfigError: When it has no docstring, an argument cannot be given by a model, or it yields.
    """
    called = str(name or getattr(function, "__name__", type(function).__name__))
    declared: Effect = getattr(function, _EFFECT, "write") if effect is None else effect
    description = (getattr(function, "__doc__", None) or "").strip()
    if isinstance(function, type | partial):
        what = "a class" if isinstance(function, type) else "a functools.partial"
        raise ToolConfigError(
            f"{called!r} is {what}: put the call into a function with type hints and a docstring."
        )
    if not description:
        raise ToolConfigError(
            f"function {called!r} needs a docstring that says what it does: the model reads it."
        )
    plain = _plain(function)
    if isasyncgenfunction(plain) or isgeneratorfunction(plain):
        raise ToolConfigError(
            f"function {called!r} yields, and a model is shown one result: return a list or a text."
        )
    inferred = _inferred(called, plain)
    info = ToolInfo(
        name=called,
        description=(inferred.__doc__ or description).strip(),
        category="own",
        effect=declared,
        timeout_s=timeout_s,
        max_chars=max_chars,
        # What only looks may be mended while a turn lies still; what may change something needs consent anew.
        fingerprint=fingerprint_of(plain) if declared == "write" else "",
    )
    return Tool(info, _closed(called, plain, inferred), partial(_call, function))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without pydantic's word on arguments called `json`, `copy` or `schema`, which work."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Field name \".*\" .*shadows an attribute", UserWarning)
        yield


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """What is really called, where an object or a class is given."""
    if isinstance(function, type) or isroutine(function):
        return function
    return cast("Callable[..., Any]", function.__call__)  # type: ignore[operator]  # of any callable


def _parameters(name: str, function: Callable[..., Any]) -> Iterable[Parameter]:
    try:
        return signature(function).parameters.values()
    except (TypeError, ValueError):
        raise ToolConfigError(
            f"function {name!r} does not say what it takes: put it into a function with type hints."
        ) from None


def _check(name: str, parameter: Parameter) -> None:
    """Refuse an argument that no model can give."""
    if parameter.kind not in _NAMED:
        raise ToolConfigError(
            f"argument {parameter.name!r} of function {name!r} cannot be given by name: "
            f"{_INSTEAD[parameter.kind]}."
        )
    if parameter.name == "self" and parameter.annotation is Parameter.empty:
        raise ToolConfigError(
            f"function {name!r} is a method without its object: give that of an object, such as thing.{name}."
        )
    if parameter.annotation is Parameter.empty:
        raise ToolConfigError(
            f"argument {parameter.name!r} of function {name!r} has no type hint: write one."
        )
    if parameter.name.startswith("_") or (
        parameter.name.startswith("model_") and hasattr(BaseModel, parameter.name)
    ):
        raise ToolConfigError(
            f"argument {parameter.name!r} of function {name!r} cannot be described to a model: "
            "give it another name, without an underscore in front."
        )


def _inferred(name: str, function: Callable[..., Any]) -> type[BaseModel]:
    """Read the arguments off a function's hints and docstring."""
    from langchain_core.tools import create_schema_from_function  # noqa: PLC0415 - heavy

    for parameter in _parameters(name, function):
        _check(name, parameter)
    try:
        with _quiet():
            schema = create_schema_from_function(name, function, parse_docstring=True)
    except Exception as error:
        if str(error).startswith("Arg ") and "docstring" in str(error):
            raise ToolConfigError(
                f"the docstring of function {name!r} describes an argument that it does not have: "
                "make the two agree."
            ) from error
        raise _unsayable(name, function, error) from error
    if not issubclass(schema, BaseModel):
        raise ToolConfigError(f"function {name!r} cannot be a tool: it uses models of pydantic 1.")
    for parameter in _parameters(name, function):
        if parameter.name not in schema.model_fields:  # LangChain keeps some names for itself
            raise ToolConfigError(
                f"argument {parameter.name!r} of function {name!r} cannot be described to a model: "
                "give it another name."
            )
    return schema


def _unsayable(name: str, function: Callable[..., Any], error: Exception) -> ToolConfigError:
    """What cannot be told to a model, by name where that is known."""
    from toolkit.hints import problem_with_hints  # noqa: PLC0415  # only where something is wrong

    general = f"function {name!r} cannot be a tool: its arguments have no JSON form ({type(error).__name__})."
    return ToolConfigError(problem_with_hints(function) or general)


def _closed(name: str, function: Callable[..., Any], inferred: type[BaseModel]) -> type[BaseModel]:
    """The same arguments, and no others."""
    fields: dict[str, Any] = {key: (field.annotation, field) for key, field in inferred.model_fields.items()}
    try:
        with _quiet():
            closed = create_model(name, __base__=Arguments, **fields)
            warnings.simplefilter(
                "error", PydanticJsonSchemaWarning
            )  # a default that no JSON can say is but a warning
            closed.model_json_schema()
    except Exception as error:
        raise _unsayable(name, function, error) from error
    return closed


class _Awaited:
    """An answer that is yet to come, and that may be given up before anybody waits for it."""

    def __init__(self, answer: Any) -> None:  # noqa: ANN401  # whatever the function returns
        self._answer = answer

    def __await__(self) -> Generator[Any, None, Answer]:
        return self._shown().__await__()

    async def _shown(self) -> Answer:
        return _shown(await self._answer)

    def close(self) -> None:
        if callable(close := getattr(self._answer, "close", None)):
            close()


def _call(function: Callable[..., Any], arguments: BaseModel) -> Any:  # noqa: ANN401  # an answer, or one to wait for
    answer = function(**{name: getattr(arguments, name) for name in type(arguments).model_fields})
    return _Awaited(answer) if isawaitable(answer) else _shown(answer)


def _shown(answer: Any) -> Answer:  # noqa: ANN401  # whatever the function returns
    if isinstance(answer, str | ToolText):
        return answer
    if isinstance(answer, bytes):
        return answer.decode(errors="replace")
    if isinstance(answer, BaseModel):
        return answer.model_dump_json()
    if isgenerator(answer) or isasyncgen(answer):
        raise ToolError("It gave a generator, and only one result can be shown: return a list or a text.")
    try:
        return json.dumps(answer, ensure_ascii=False, default=_as_json)
    except (TypeError, ValueError):  # keys that are no texts, or a list in itself: what was done is done
        return str(answer)


def _as_json(value: Any) -> Any:  # noqa: ANN401  # what JSON has no form for
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields_of(value)}
    return list(value) if isinstance(value, set | frozenset) else str(value)
