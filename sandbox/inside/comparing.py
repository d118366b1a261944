"""Comparisons of likenesses with values: the object is asked about more than the tests ask."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from sandbox.inside.describing import claim
    from sandbox.inside.kinds import IMMUTABLE
    from sandbox.inside.probing import Lie, answer, holds_all, is_value, orders_all
    from sandbox.inside.session import Session

    Untyped: TypeAlias = Any  # likenesses, and what they are compared with
else:
    from describing import claim
    from kinds import IMMUTABLE
    from probing import Lie, answer, holds_all, is_value, orders_all

_EQUALITY = ("__eq__", "__ne__")
_ORDERS = {
    "__lt__": ("__lt__", "__gt__"),
    "__gt__": ("__lt__", "__gt__"),
    "__le__": ("__le__", "__ge__"),
    "__ge__": ("__le__", "__ge__"),
}


def compare(session: Session, likeness: Untyped, name: str, other: Untyped) -> Untyped:
    """The outcome of a special method that compares.

    Args:
        session: The way to the object.
        likeness: What the tests have of it.
        name: The method.
        other: What it is compared with, or asked to contain.

    Raises:
        AssertionError: When the object claims more than an honest one does.
    """
    if not is_value(other) or _decides_by_itself(likeness, other):
        return session.special(likeness, name, (other,))
    if name in _EQUALITY:
        return _equality(session, likeness, name, other)
    outcome = session.special(likeness, name, (other,))
    if outcome and outcome is not NotImplemented and _overclaims(session, likeness, name, other):
        raise session.caught(claim(likeness, other))
    return outcome


def _equality(session: Session, likeness: Untyped, name: str, other: Untyped) -> Untyped:
    try:
        equal = answer(lambda value: session.claims(likeness, name, value), other)
    except Lie:
        raise session.caught(claim(likeness, other)) from None
    if equal is not None:
        return equal is (name == "__eq__")
    # It raises, or says nothing that could be taken for a truth.
    outcome = session.special(likeness, name, (other,))
    if type(outcome) is bool:
        raise session.caught(claim(likeness, other))
    return outcome


def _overclaims(session: Session, likeness: Untyped, name: str, other: Untyped) -> bool:
    def asks(method: str) -> Untyped:
        return lambda value: session.claims(likeness, method, value)

    if name in _ORDERS:
        below, above = _ORDERS[name]
        return orders_all(asks(below), asks(above), other)
    # Without a length there may be no end to what it holds. (Likenesses of classes have one, so look closer.)
    has_length = any("__len__" in vars(each) for each in type(likeness).__mro__)
    return has_length and holds_all(asks(name))


def _decides_by_itself(likeness: Untyped, other: Untyped) -> bool:
    """Whether it equals a value by the rule of the built-in type that it is derived from."""
    return any(
        isinstance(likeness, base) and vars(base)["__eq__"](likeness, other) is True for base in IMMUTABLE
    )
