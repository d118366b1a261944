"""What asserts become: calls that show values, count themselves and do not take equality on trust."""

from __future__ import annotations

import operator
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.inside.describing import claim, show
    from sandbox.inside.equality import (
        claims_membership,
        claims_more,
        claims_order,
        convincing,
        convincingly_in,
    )
    from sandbox.inside.judging import Tally
    from sandbox.inside.probing import SCALARS
else:
    from describing import claim, show
    from equality import claims_membership, claims_more, claims_order, convincing, convincingly_in
    from probing import SCALARS

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
_IDENTITY = ("Is", "IsNot")
_CLAIMS = types.MappingProxyType(
    {
        "Eq": (True, convincing),
        "NotEq": (False, convincing),
        "In": (True, convincingly_in),
        "NotIn": (False, convincingly_in),
    }
)
"""Which outcome of an operator claims equality, and what believes it."""
_METHODS = types.MappingProxyType(
    {
        **dict.fromkeys(
            """assertEqual assertAlmostEqual assertListEqual assertTupleEqual assertSequenceEqual
            assertSetEqual assertDictEqual assertMultiLineEqual assertCountEqual
            """.split(),  # noqa: SIM905 - a list of words
            "Eq",
        ),
        "assertIn": "In",
        "assertLess": "Lt",
        "assertLessEqual": "LtE",
        "assertGreater": "Gt",
        "assertGreaterEqual": "GtE",
    }
)
"""The methods of unittest that claim what an operator claims."""
_AGAIN = ("assertEqual", "assertIn")


def _claims(kind: str, left: object, right: object) -> bool:
    """Whether an object that is about to be compared claims more than is honest."""
    if kind in ("Eq", "NotEq"):
        return claims_more(left, right)
    if kind in ("In", "NotIn"):
        return claims_membership(left, right)
    return claims_order(kind, left, right)


def _doubtful(kind: str, outcome: object, left: object, right: object) -> bool:
    """Whether an outcome rests on an equality that is not to be believed."""
    if kind not in _CLAIMS:
        return False
    claim, believe = _CLAIMS[kind]
    try:
        claimed = bool(outcome) is claim
    except Exception:  # noqa: BLE001 - such as an array, which is no truth value
        return False
    return claimed and not believe(left, right)


class Checks:
    """The helpers that rewritten asserts call."""

    def __init__(self, tally: Tally, foreign: Callable[[object], bool], *, outside: bool = False) -> None:
        """Count in `tally`.

        Args:
            tally: What the running case did.
            foreign: Whether a function is the solution's, which asserts nothing.
            outside: Whether likenesses doubt by themselves.
        """
        self._tally = tally
        self._foreign = foreign
        self._outside = outside

    def compare(
        self, kind: str, text: str, left: object, right: object, message: Callable[[], object] | None
    ) -> None:
        """Stand in for an assert on one comparison; both sides were evaluated once, by the caller.

        Raises:
            AssertionError: When it does not hold, with the values.
        """
        self._tally.count += 1
        if not self._sure(kind, left, right, f"{text}: "):
            detail = f"{text}: left is {show(left)}, right is {show(right)}"
            raise self._tally.fail(_with_message(detail, message))

    def holds(self, kind: str, left: object, right: object) -> object:
        """Stand in for any other comparison of the tests.

        Returns:
            The comparison's outcome.

        Raises:
            AssertionError: When it rests on a claim that is not to be believed.
        """
        return self._sure(kind, left, right)

    def _sure(self, kind: str, left: object, right: object, where: str = "") -> object:
        if self._outside or kind in _IDENTITY or (type(left) in SCALARS and type(right) in SCALARS):
            return _OPERATORS[kind](left, right)
        if _claims(kind, left, right):
            raise self._tally.catch(where + claim(left, right))
        outcome = _OPERATORS[kind](left, right)
        if _doubtful(kind, outcome, left, right):
            raise self._tally.catch(where + claim(left, right))
        return outcome

    def part(self, kind: str, left: object, right: object) -> object:
        """Stand in for a comparison whose outcome is looked into, as in `(a == b).all()`.

        What gives no truth value, such as an array or an expression, claims nothing yet.
        """
        if self._outside or kind not in ("Eq", "NotEq"):
            return self._sure(kind, left, right)
        if claims_more(left, right, plainly=True):
            raise self._tally.catch(claim(left, right))
        outcome = _OPERATORS[kind](left, right)
        if type(outcome) is bool and _doubtful(kind, outcome, left, right):
            raise self._tally.catch(claim(left, right))
        return outcome

    def subject(self, value: object, *literals: object) -> object:
        """Stand in for the subject of a `match`, which is compared with these."""
        for literal in () if self._outside else literals:
            if _claims("Eq", value, literal):
                raise self._tally.catch(claim(value, literal))
        return value

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
            kind = "" if self._outside or len(values) < 2 else _METHODS.get(name, "")  # noqa: PLR2004 - both sides
            if kind and _claims(kind, *values[:2]):
                raise tally.catch(f"{name}: {claim(*values[:2])}")
            try:
                outcome = function(*values, **more)
            except AssertionError as error:
                given = error.args[0] if error.args else ""
                tally.fail(given if isinstance(given, str) and given else name)
                raise
            if name in _AGAIN and kind and _doubtful(kind, True, *values[:2]):  # noqa: FBT003 - the outcome
                raise tally.catch(f"{name}: {claim(*values[:2])}")
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
