"""Equality that an object with an obliging `__eq__` does not fool."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SCALARS = (int, float, str, bytes, bool, complex, type(None), type(...), range)
_MEMBERS = (list, tuple, set, frozenset, dict)
_BASES = (*_SCALARS[:4], complex, *_MEMBERS)
_DEPTH = 50
_MOST_ROUNDS = 6


def convincing(left: object, right: object) -> bool:
    """Whether `left == right`, found true, may be believed.

    Values of built-in types decide by themselves. Where one side is built in and the other is not,
    the other must be equal to it by the built-in's own rule, or at least differ from values close by.
    """
    return _believe(left, right, _DEPTH) if _is_plain(right) else _believe(right, left, _DEPTH)


def claims_more(left: object, right: object) -> bool:
    """Whether an object that is about to be compared with a value of a built-in type equals others too.

    It is asked about a few before it sees the one that matters, so that it cannot know which that is.
    """
    actual, reference = (left, right) if _is_plain(right) else (right, left)
    if _is_plain(actual) or not _is_plain(reference) or isinstance(actual, _BASES) or _is_wildcard(actual):
        return False
    others: list[object] = []
    for _ in range(1 + os.urandom(1)[0] % _MOST_ROUNDS):
        others += _others(reference)[1:]
    try:
        claimed = [other for other in others if actual == other]
        # One of them may be its true value; then it is no other, and not the one that matters.
        return bool(claimed) and (any(other != claimed[0] for other in claimed) or bool(actual == reference))
    except Exception:  # noqa: BLE001 - it refuses to be compared, so it is not equal to everything
        return False


def convincingly_in(left: object, right: object) -> bool:
    """Whether `left in right`, found true, may be believed; only built-in containers are asked."""
    if type(left) in _SCALARS or type(right) not in _MEMBERS:
        return True
    return any(item is left or (bool(item == left) and convincing(item, left)) for item in right)  # type: ignore[attr-defined]


def _is_plain(value: object) -> bool:
    return type(value) in _SCALARS or type(value) in _MEMBERS


def _believe(actual: object, reference: object, depth: int) -> bool:
    if type(actual) in _SCALARS or actual is reference or not _is_plain(reference) or depth == 0:
        return depth > 0
    if isinstance(actual, (list, tuple)) and isinstance(reference, (list, tuple)):
        kind = list if isinstance(actual, list) else tuple
        items = list(kind.__iter__(actual))  # type: ignore[arg-type]
        return len(items) == len(reference) and all(
            _believe(item, other, depth - 1) for item, other in zip(items, reference, strict=True)
        )
    if isinstance(actual, dict) and isinstance(reference, dict):
        return _believe_dict(actual, reference, depth)
    if isinstance(actual, (set, frozenset)):
        return all(type(item) in _SCALARS or type(item) is tuple for item in actual) or _differs(
            actual, reference
        )
    return _equal_as_base(actual, reference) or _is_wildcard(actual) or _differs(actual, reference)


def _equal_as_base(actual: object, reference: object) -> bool:
    """Whether a subclass of a built-in equals the reference by the built-in's own rule."""
    return any(isinstance(actual, base) and _equals_of(base)(actual, reference) is True for base in _BASES)


def _equals_of(base: type) -> Callable[[object, object], object]:
    return vars(base)["__eq__"]  # type: ignore[no-any-return]


def _believe_dict(actual: dict[object, object], reference: dict[object, object], depth: int) -> bool:
    own = list(dict.items(actual))
    odd = [key for key, _ in own if type(key) not in _SCALARS and type(key) is not tuple]
    # A key of a class of its own may equal whatever is looked up.
    if any(
        isinstance(key, _BASES) and not any(_equal_as_base(key, other) for other in reference) for key in odd
    ):
        return False
    if odd:
        return _differs(actual, reference)
    return all(key in reference and _believe(value, reference[key], depth - 1) for key, value in own)


def _is_wildcard(value: object) -> bool:
    """The test's own `unittest.mock.ANY`."""
    mock = sys.modules.get("unittest.mock")
    return mock is not None and value is getattr(mock, "ANY", None)


def _differs(actual: object, reference: object) -> bool:
    """Ask about values close to the reference as well: only an honest object denies them."""
    try:
        return not any(bool(actual == other) for other in _others(reference))
    except Exception:  # noqa: BLE001 - it refuses to be compared, so it is not equal to everything
        return True


def _others(reference: object) -> list[object]:
    step = 1 + os.urandom(1)[0] % 9
    others: list[object] = [object()]
    if isinstance(reference, bool) or reference is None:
        others.append("neither" if reference is None else not reference)
    elif isinstance(reference, (int, float, complex)):
        others += [reference + step, reference - step, reference * 2 + 100 + step]
    elif isinstance(reference, str):
        others += [reference + chr(96 + step), reference[:-1] + "\x00"]
    elif isinstance(reference, bytes):
        others += [reference + bytes([step]), reference[:-1] + b"\x00\x00"]
    elif isinstance(reference, (list, tuple)):
        others += [type(reference)([*reference, step])]
    elif isinstance(reference, dict):
        others += [{**reference, f"extra {step}": step}]
    elif isinstance(reference, (set, frozenset)):
        others += [type(reference)([*reference, f"extra {step}"])]
    return others
