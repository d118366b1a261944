"""Which argument keeps a function from being a tool, when something does, and what to do about it."""

from __future__ import annotations

import warnings
from inspect import Parameter, isclass, signature, unwrap
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable

_TYPES = "use str, int, float, bool, a list or dict of them, a Literal, or a pydantic model"


def problem_with_hints(function: Callable[..., Any]) -> str | None:
    """The first argument of a function whose type hint no model can be told, in one sentence; None for none.

    Args:
        function: With a signature that can be read.
    """
    name = getattr(function, "__name__", type(function).__name__)
    for parameter in signature(function).parameters.values():
        what = f"argument {parameter.name!r} of function {name!r}"
        try:
            hint = _resolved(function, parameter.name, parameter.annotation)
        except Exception as error:  # noqa: BLE001  # a hint is code, and may raise anything
            return f"{what} has the type hint {_shown(parameter.annotation)}, {_why(error)}."
        if (problem := _unsayable(hint, parameter.default)) is not None:
            return f"{what} has {problem}."
    return _problem_with_return(function, name)


def _problem_with_return(function: Callable[..., Any], name: str) -> str | None:
    annotation = signature(function).return_annotation
    try:
        _resolved(function, "return", annotation)
    except Exception as error:  # noqa: BLE001  # as above
        return f"what function {name!r} returns has the type hint {_shown(annotation)}, {_why(error)}."
    return None


def _resolved(function: Callable[..., Any], name: str, annotation: object) -> Any:  # noqa: ANN401  # any type
    if annotation in {Parameter.empty, None} or not isinstance(annotation, str):
        return annotation
    inner = unwrap(getattr(function, "__func__", function))
    named: Any = SimpleNamespace(__annotations__={name: annotation})
    return get_type_hints(named, globalns=getattr(inner, "__globals__", {}), include_extras=True)[name]


def _why(error: Exception) -> str:
    if isinstance(error, NameError):
        return (
            f"and there is no {error.name} where the function is defined: import or define it at the top of "
            "its module, outside of `if TYPE_CHECKING`"
        )
    return f"which cannot be read ({type(error).__name__}): write a type that Python can import"


def _unsayable(hint: Any, default: object) -> str | None:  # noqa: ANN401  # any type
    """What no JSON can say of an argument, as the end of a sentence."""
    from pydantic import TypeAdapter  # noqa: PLC0415  # only where something is wrong

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            adapter = TypeAdapter(hint)
            adapter.json_schema()
        except Exception:  # noqa: BLE001  # pydantic has many ways to say so
            return f"the type {_shown(hint)}, which no JSON can say: {_TYPES}"
        if default is Parameter.empty:
            return None
        try:
            adapter.dump_json(default)
        except Exception:  # noqa: BLE001  # as above
            return f"the default {default!r}, which no JSON can say: use None in its place"
    return None


def _shown(hint: object) -> str:
    return repr(hint.__name__ if isclass(hint) and not getattr(hint, "__args__", None) else str(hint))
