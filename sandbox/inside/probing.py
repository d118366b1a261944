"""Asking an object about a value among others, so that it cannot know which of them matters.

Whoever says yes to everything is found out; honest equality says yes to one value, to those within a
tolerance, to every n-th, to another spelling.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Untyped: TypeAlias = Any  # values that arithmetic and the like may be done with
    Ask: TypeAlias = Callable[[object], bool | None]

_random = os.urandom
SCALARS = (int, float, str, bytes, bool, complex, type(None), type(...), range)
_MEMBERS = (list, tuple, set, frozenset, dict)
_NUMBERS = (int, float, complex)
_VALUES = frozenset(
    ("decimal", "fractions", "datetime", "uuid", "pathlib", "collections", "enum", "builtins")
)
_NEAR = 5
_PAIRS = 4
_LETTERS = "bcdfghjklmnpqrstvwxz"


class Lie(Exception):  # noqa: N818 - it is none of ours
    """Something was claimed that no honest object claims."""


def is_plain(value: object) -> bool:
    """Whether it is of a built-in type and decides by itself what it equals."""
    return type(value) in SCALARS or type(value) in _MEMBERS


def is_value(value: object) -> bool:
    """Whether it is built in, or of one of the standard library's types of values."""
    return is_plain(value) or type(value).__module__ in _VALUES


def answer(ask: Ask, reference: object) -> bool | None:
    """Ask about `reference` and about others, in an order that nobody can know.

    Args:
        ask: Whether the object claims to equal a value; None when it does not say.
        reference: The value that matters.

    Returns:
        What it says of `reference`.

    Raises:
        Lie: When it claims more than an honest object does.
    """
    near, far = _alternatives(reference)
    questions: list[tuple[str, int, object]] = [("near", *each) for each in near]
    questions = _shuffled([*questions, *(("far", 0, value) for value in far)])
    # Never the first: to agree with whatever comes first is the easiest way to lie.
    questions.insert(1 + _below(len(questions)), ("it", 0, reference))
    said = [ask(value) for _, _, value in questions]
    answers = list(zip(questions, said, strict=True))
    close = [at for (kind, at, _), claimed in answers if claimed and kind != "far"]
    distant = [value for (kind, _, value), claimed in answers if claimed and kind == "far"]
    own = next(claimed for (kind, _, _), claimed in answers if kind == "it")
    # Of truth values there are but two.
    both = type(reference) is bool and bool(own) and any(type(value) is bool for value in distant)
    if both or _is_scattered(close, len(distant)) or 2 * len(distant) > len(far):
        raise Lie
    if (distant or len(close) > bool(own)) and any(
        bool(ask(value)) is not bool(claimed) for (_, _, value), claimed in _shuffled(answers)
    ):
        # It claimed another, and whoever is honest says the same again.
        raise Lie
    return own


def _is_scattered(close: list[int], distant: int) -> bool:
    """Whether claimed neighbours are neither one value, nor a tolerance, nor every n-th."""
    close.sort()
    gaps = {after - before for before, after in zip(close, close[1:], strict=False)}  # noqa: RUF007 - costs an import
    return len(gaps) > 1 or (gaps == {1} and distant > 0)


def rounds() -> int:
    """How often to ask, where there is no other way than to ask for the outcome once more."""
    return 1 + _below(3)


def orders_all(below: Ask, above: Ask, reference: Untyped) -> bool:
    """Whether an object claims to be below a low value and above a high one."""
    if type(reference) not in (int, float) or reference != reference:  # noqa: PLR0124 - not a number
        return False
    low, high = reference - 1 - _below(50), reference + 1 + _below(50)
    return bool(below(low)) and bool(above(high))


def holds_all(holds: Ask) -> bool:
    """Whether a container claims to hold values that were made up just now."""
    made_up: list[Untyped] = [_word(9), -_below(1 << 60) - 7, (_word(3), _word(3)), _word(5).encode()]
    return all(map(holds, _shuffled(made_up)))


def _below(most: int) -> int:
    return int.from_bytes(_random(8), "little") % most


def _shuffled(values: list[Untyped]) -> list[Untyped]:
    left, mixed = list(values), []
    while left:
        mixed.append(left.pop(_below(len(left))))
    return mixed


def _word(length: int) -> str:
    return "".join(_LETTERS[_below(len(_LETTERS))] for _ in range(max(1, length)))


def _alternatives(reference: object) -> tuple[list[tuple[int, object]], list[object]]:
    """Values close by, each with its distance in steps, and others far off."""
    if type(reference) is bool:
        return [], [not reference, _word(4), _word(1), 2 + _below(9)]
    if type(reference) in _NUMBERS or type(reference).__module__ in ("decimal", "fractions"):
        return _numbers(reference)
    others = [*_others(reference), *_others(reference)]
    return [], [other for other in others if not _same(other, reference)]


def _numbers(reference: Untyped) -> tuple[list[tuple[int, object]], list[object]]:
    # The one that matters may be anywhere among its neighbours, lest it be known as their middle.
    first = -_below(_NEAR)
    try:
        near = [(at, reference + at) for at in range(first, first + _NEAR) if at]
    except Exception:  # noqa: BLE001 - a decimal that is no number
        near = []
    size = int(abs(reference)) if reference == reference and abs(reference) < 1 << 200 else 0  # noqa: PLR0124
    far: list[object] = []
    for _ in range(_PAIRS):
        start = (50 + _below(1000) + size * (2 + _below(8))) * (-1) ** _below(2)
        far += [type(reference)(start), type(reference)(start + 1)]
    return [(at, value) for at, value in near if not _same(value, reference)], far


def _others(reference: Untyped) -> list[object]:
    """Values of its kind that differ from it, and some of other kinds."""
    kind = type(reference)
    if isinstance(reference, (str, bytes)):
        return _texts(reference)
    others: list[object] = [_word(4), _below(1000) + 11]
    if kind in (list, tuple):
        other = _word(4)
        others += [kind([*reference, other]), kind([*reference[:-1], other]), kind([other, *reference[1:]])]
    elif kind in (set, frozenset):
        others += [kind([*reference, _word(4)]), kind([_word(4)]), kind([_word(3), *list(reference)[1:]])]
    elif kind is dict:
        others += [{**reference, _word(4): 1}, {_word(4): 1}, dict.fromkeys(reference, _word(4))]
    else:
        others += [(_word(3),), 0.5 + _below(100)]
    return others


def _texts(reference: Untyped) -> list[object]:
    length = len(reference)
    at = _below(length) if length else 0
    letter = _word(1) if type(reference) is str else _word(1).encode()
    words = [_word(length), _word(length + 1), _word(4)]
    more = [reference + letter, letter + reference, reference[:at] + letter + reference[at + 1 :]]
    return [*(words if type(reference) is str else [word.encode() for word in words]), *more]


def _same(value: object, reference: object) -> bool:
    try:
        if type(value) is type(reference) is str:
            return str(value).casefold() == str(reference).casefold()
        return bool(value == reference)
    except Exception:  # noqa: BLE001 - values that refuse to be compared are different
        return False
