"""Likenesses, in the worker, of functions and iterators of the tests."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Untyped: TypeAlias = Any  # what the tests hand over
    Ask: TypeAlias = Callable[..., Untyped]


class Given:
    """The value of an argument that the caller left out."""

    def __repr__(self) -> str:
        """Say what it stands for."""
        return "<the default of the tests' function>"


class Stream:
    """An iterator of the tests."""

    def __init__(self, ask: Ask, number: int) -> None:
        """Ask for each of its values."""
        self._ask = ask
        self._number = number

    def __iter__(self) -> Stream:
        """Be an iterator."""
        return self

    def __next__(self) -> Untyped:
        """The next value."""
        return self._ask("next", self._number)


class Token:
    """An object that nothing is known of; it equals itself."""


def make_stub(ask: Ask, number: int, facts: Untyped) -> Untyped:
    """A likeness that asks the judge.

    Args:
        ask: Asks the judge to do something.
        number: What to name the object by.
        facts: Its kind; of a function also its name, documentation and parameters.
    """
    kind, *more = facts
    if kind == "iterator":
        return Stream(ask, number)
    if kind != "function":
        return Token()
    name, qualified, documentation, parameters = more
    stub = _with_parameters(ask, number, *parameters) if parameters else _with_any(ask, number)
    stub.__name__, stub.__qualname__, stub.__doc__ = name, qualified, documentation
    stub.__module__ = "tests"
    return stub


def _with_any(ask: Ask, number: int) -> Untyped:
    def stub(*args: Untyped, **more: Untyped) -> Untyped:
        return ask("call", number, args, tuple(more.items()))

    return stub


def _with_parameters(ask: Ask, number: int, required: Untyped, optional: Untyped) -> Untyped:
    """A function of the same parameters, since decorators and the like look at them."""
    given = Given()
    signature = ", ".join((*required, *(f"{name}=__given" for name in optional)))
    first = "".join(f"{name}, " for name in required)
    second = "".join(f"({name!r}, {name}), " for name in optional)
    body = f"__ask('call', {number}, ({first}), tuple(p for p in ({second}) if p[1] is not __given))"
    if not optional:
        body = f"__ask('call', {number}, ({first}), ())"
    names = {"__ask": ask, "__given": given}
    exec(f"def stub({signature}): return {body}", names)  # noqa: S102 - the judge's own words
    return names["stub"]
