"""What asserts become: calls that show values, count themselves and do not take equality on trust."""

from __future__ import annotations

import operator
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.inside.describing import show
    from sandbox.inside.equality import claims_more, convincing, convincingly_in
    from sandbox.inside.judging import Tally
else:
    from describing import show
    from equality import claims_more, convincing, convincingly_in

_OPERATORS: types.MappingProxyType[str, Callable[..., object]] = types.MappingProxyType(
    {
        "Eq": operator.eq,
        "NotEq": operator.ne,
        "Lt": operator.lt,
        "LtE": operator.le,
        "Gt": operator.gt,
        "GtE": operator.ge,
        "Is": operator.is_,
        "IsNot": operator.is_not,
        "In": lambda left, right: left in right,
        "NotIn": lambda left, right: left not in right,
    }
)
_CLAIMS = types.MappingProxyType(
    {
        "Eq": (True, convincing),
        "NotEq": (False, convincing),
        "In": (True, convincingly_in),
        "NotIn": (False, convincingly_in),
    }
)
"""Which outcome of an operator claims equality, and what believes it."""
_EQUAL = ("assertEqual", "assertAlmostEqual")
_EQUALITY = ("Eq", "NotEq")
_METHODS = types.MappingProxyType(
    {
        "assertEqual": convincing,
        "assertAlmostEqual": convincing,
        "assertIn": convincingly_in,
    }
)


def _doubtful(kind: str, outcome: object, left: object, right: object) -> bool:
    """Whether an outcome rests on an equality that is not to be believed."""
    if kind not in _CLAIMS:
        return False
    claim, believe = _CLAIMS[kind]
    return bool(outcome) is claim and not believe(left, right)


class Checks:
    """The helpers that rewritten asserts call."""

    def __init__(self, tally: Tally, foreign: Callable[[object], bool]) -> None:
        """Count in `tally`; what is `foreign` is the solution's, and asserts nothing."""
        self._tally = tally
        self._foreign = foreign

    def compare(
        self, kind: str, text: str, left: object, right: object, message: Callable[[], object] | None
    ) -> None:
        """Stand in for an assert on one comparison; both sides were evaluated once, by the caller.

        Raises:
            AssertionError: When it does not hold, with the values.
        """
        self._tally.count += 1
        if kind in _EQUALITY and claims_more(left, right):
            raise self._tally.catch(f"{text}: {_claim(left, right)}")
        outcome = _OPERATORS[kind](left, right)
        if not outcome:
            detail = f"{text}: left is {show(left)}, right is {show(right)}"
            raise self._tally.fail(_with_message(detail, message))
        if _doubtful(kind, outcome, left, right):
            raise self._tally.catch(f"{text}: {_claim(left, right)}")

    def holds(self, kind: str, left: object, right: object) -> object:
        """Stand in for a comparison inside an assert's `and`, `or`, `not` or chain.

        Returns:
            The comparison's outcome; where that claims an equality that is not to be believed, the contrary.
        """
        if kind in _EQUALITY and claims_more(left, right):
            self._tally.liar = True
            return kind != "Eq"
        outcome = _OPERATORS[kind](left, right)
        return not outcome if _doubtful(kind, outcome, left, right) else outcome

    def truth(self, text: str, value: object, message: Callable[[], object] | None) -> None:
        """Stand in for an assert on any other expression.

        Raises:
            AssertionError: When it is false, with the value.
        """
        self._tally.count += 1
        if isinstance(value, tuple) and value and text.startswith("("):
            raise self._tally.fail(f"{text}: an assert on a tuple is always true; remove the brackets")
        if type(value).__name__ == "coroutine":
            raise self._tally.fail(f"{text}: a coroutine that nobody awaited is always true; await it")
        if not value:
            raise self._tally.fail(_with_message(f"{text}: got {show(value)}", message))

    def watch(self, name: str, function: Callable[..., object]) -> Callable[..., object]:
        """Count a call that is an assertion by its name, such as `self.assertEqual`."""
        tally = self._tally
        if self._foreign(function):
            return function
        tally.count += 1

        def call(*values: object, **more: object) -> object:
            if name in _EQUAL and len(values) > 1 and claims_more(values[0], values[1]):
                raise tally.catch(f"{name}: {_claim(values[0], values[1])}")
            try:
                outcome = function(*values, **more)
            except AssertionError as error:
                given = error.args[0] if error.args else ""
                tally.fail(given if isinstance(given, str) and given else name)
                raise
            believe = _METHODS.get(name)
            if believe is not None and len(values) > 1 and not believe(values[0], values[1]):
                raise tally.catch(f"{name}: {_claim(values[0], values[1])}")
            return outcome

        return call

    def seen(self) -> None:
        """Count code that checks by raising."""
        self._tally.count += 1


def _with_message(detail: str, message: Callable[[], object] | None) -> str:
    if message is None:
        return detail
    given = message()
    return f"{detail} ({given if isinstance(given, str) else show(given)})"


def _claim(left: object, right: object) -> str:
    return f"{show(left)} claims to equal {show(right)}, and other values as well"
