"""What the worker is told of a function of the tests."""

from __future__ import annotations

import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from sandbox.inside.methods import Bound

    Untyped: TypeAlias = Any  # what the tests made
else:
    from methods import Bound

_CALLABLE = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
)
_ASYNCHRONOUS = 0x80 | 0x200
_STARS = 0x04 | 0x08


def describe_callable(value: Untyped) -> Untyped:
    """Kind, name, qualified name, documentation and parameters of a function; None when it is none.

    The parameters are the names of those without and of those with a default, or None when there are
    others, such as `*args`.
    """
    if isinstance(value, type) or not callable(value):
        return None
    if type(value) is Bound:
        return "function", value.__name__, value.__name__, None, None
    if type(value) not in _CALLABLE:
        # Called it is like itself; what else the solution may want of it, it will not find.
        return "function", type(value).__name__, type(value).__qualname__, None, None
    function = getattr(value, "__func__", value)
    code = getattr(function, "__code__", None)
    if code is not None and code.co_flags & _ASYNCHRONOUS:
        return None
    texts = [getattr(value, name, None) for name in ("__name__", "__qualname__", "__doc__")]
    name, qualified, documentation = (text if type(text) is str else None for text in texts)
    return (
        "function",
        name or "stub",
        qualified or name or "stub",
        documentation,
        _parameters(value, function),
    )


def _parameters(value: Untyped, function: Untyped) -> Untyped:
    code = getattr(function, "__code__", None)
    if code is None or code.co_flags & _STARS or code.co_kwonlyargcount or code.co_posonlyargcount:
        return None
    names = code.co_varnames[: code.co_argcount]
    defaults = len(function.__defaults__ or ())
    required, optional = names[: len(names) - defaults], names[len(names) - defaults :]
    if type(value) is types.MethodType:
        required = required[1:]
    return required, optional
