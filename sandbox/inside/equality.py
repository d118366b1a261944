"""Comparisons in the process that has the solution: objects are asked about more than the tests ask."""

from __future__ import annotations

import sys
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeAlias

    from sandbox.inside.probing import SCALARS, Lie, answer, holds_all, is_plain, is_value, orders_all, rounds

    Untyped: TypeAlias = Any  # what tests compare
else:
    from probing import SCALARS, Lie, answer, holds_all, is_plain, is_value, orders_all, rounds

_SEQUENCES = (list, tuple, deque)
_SETS = (set, frozenset)
_CONTAINERS = (*_SEQUENCES, *_SETS, dict)
_BASES = (int, float, str, bytes, complex, *_CONTAINERS)
_DEPTH = 50
_MOST = 200
"""So many members of a container are asked."""
_ORDERS = {"Lt": "Gt", "LtE": "GtE", "Gt": "Lt", "GtE": "LtE"}


def claims_more(left: object, right: object, *, plainly: bool = False) -> bool:
    """Whether a side that is about to be compared with the other for equality equals other values as well.

    It is asked about others before it can know which one matters, and in a number that it cannot know.

    Args:
        left: One side.
        right: The other side.
        plainly: Whether only True is a claim; else whatever counts as true is one.
    """
    try:
        for actual, reference in _pairs(left, right, _DEPTH):
            for _ in range(rounds()):
                _ask(actual, reference, plainly=plainly)
    except Lie:
        return True
    return False


def convincing(left: object, right: object) -> bool:
    """Whether `left == right`, found true, is so again when it is one question among others."""
    try:
        return all(_ask(actual, reference) for actual, reference in _pairs(left, right, _DEPTH))
    except Lie:
        return False


def convincingly_in(left: object, right: object) -> bool:
    """Whether `left in right`, found true, may be believed; only members of built-in containers are asked."""
    if type(left) in SCALARS or type(right) not in _CONTAINERS:
        return True
    return any(
        item is left or (_says(lambda item=item: item == left) and convincing(item, left))  # type: ignore[misc]
        for item in _plainly(right)
    )


def _ask(actual: object, reference: object, *, plainly: bool = False) -> bool:
    def claim(value: object) -> bool:
        return _says(lambda: (actual == value) is True) if plainly else _says(lambda: actual == value)

    return bool(answer(claim, reference))


def claims_membership(member: object, container: object) -> bool:
    """The same for `member in container`: of the members of a built-in container, or of the container."""
    if type(container) in _CONTAINERS:
        return any(claims_more(member, item) for item in _plainly(container)[:_MOST])
    if is_value(container) or isinstance(container, _BASES) or not hasattr(type(container), "__len__"):
        # Without a length there may be no end to what it holds.
        return False
    return holds_all(lambda value: _says(lambda: value in container))  # type: ignore[operator]


def claims_order(kind: str, left: object, right: object) -> bool:
    """Whether one side claims to be below low values and above high ones."""
    if kind not in _ORDERS:
        return False
    actual, reference = (left, right) if is_plain(right) else (right, left)
    if is_value(actual) or isinstance(actual, _BASES):
        return False
    strict = kind in ("Lt", "Gt")
    compare: Callable[[Untyped, Untyped], object] = (
        (lambda low, high: low < high) if strict else (lambda low, high: low <= high)
    )
    return orders_all(
        lambda low: _says(lambda: compare(actual, low)),
        lambda high: _says(lambda: compare(high, actual)),
        reference,
    )


def _says(compare: Callable[[], object]) -> bool:
    """The outcome of a comparison; what refuses to be compared claims nothing."""
    try:
        return bool(compare())
    except Exception:  # noqa: BLE001 - the solution's own comparison
        return False


def _pairs(left: Untyped, right: Untyped, depth: int) -> Iterator[tuple[object, object]]:
    """The objects that are asked, each with the value of a known type that it is held against."""
    if type(left) in SCALARS and type(right) in SCALARS:
        return
    if depth and isinstance(left, _CONTAINERS) and isinstance(right, _CONTAINERS):
        for one, other in _members(left, right):
            if type(one) not in SCALARS or type(other) not in SCALARS:
                yield from _pairs(one, other, depth - 1)
    for actual, reference in ((left, right), (right, left)):
        known = is_value(actual) or not is_value(reference) or _is_wildcard(actual)
        if not known and not _equals_as_base(actual, reference):
            yield actual, reference
            return


def _members(left: Untyped, right: Untyped) -> Iterator[tuple[object, object]]:
    """What is compared when two containers are, by the rule of the built-in ones."""
    if isinstance(left, dict) and isinstance(right, dict):
        mine, others = dict(dict.items(left)), dict(dict.items(right))
        yield from _odd(mine, others)
        yield from ((mine[key], others[key]) for key in mine if key in others)
    elif isinstance(left, _SETS) and isinstance(right, _SETS):
        yield from _odd(_plainly(left), _plainly(right))
    elif isinstance(left, _SEQUENCES) and isinstance(right, _SEQUENCES):
        yield from zip(_plainly(left), _plainly(right), strict=False)


def _odd(left: Iterable[object], right: Iterable[object]) -> Iterator[tuple[object, object]]:
    """Keys that may equal whatever is looked up, each with all that it may be taken for."""
    lists = list(left)[:_MOST], list(right)[:_MOST]
    for keys, others in (lists, lists[::-1]):
        for key in keys:
            if type(key) not in SCALARS and not is_value(key):
                yield from ((key, other) for other in others)


def _plainly(container: Untyped) -> list[object]:
    """The members of a container, whatever its class says."""
    base = next(base for base in _CONTAINERS if isinstance(container, base))
    return list(vars(base)["__iter__"](container))


def _equals_as_base(actual: object, reference: object) -> bool:
    """Whether an instance of a subclass of a built-in equals the reference by the built-in's own rule."""
    return any(
        isinstance(actual, base) and vars(base)["__eq__"](actual, reference) is True for base in _BASES
    )


def _is_wildcard(value: object) -> bool:
    """The test's own `unittest.mock.ANY`, or what pytest makes of `approx`."""
    mock, approx = sys.modules.get("unittest.mock"), sys.modules.get("_pytest.python_api")
    if mock is not None and value is getattr(mock, "ANY", None):
        return True
    return approx is not None and type(value) is getattr(approx, type(value).__name__, None)
