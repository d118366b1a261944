"""What test source says about single calls, so that one source can be held against another.

Only what can be read off is read: a call of a function by its name with literals as arguments, and a literal
or an exception as the outcome. Everything else says nothing here.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

_LONGEST = 200_000
_CATCHING = ("raises", "assertRaises", "assertRaisesRegex")
_BAD = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement about one call.

    Attributes:
        call: The call with its arguments, in one spelling.
        kind: What is said: it equals a value, differs from one, is true or false, rounds to a value, raises.
        value: The value, where there is one.
        digits: Of a value to round to.
    """

    call: str
    kind: Literal["equals", "differs", "truth", "rounds", "raises"]
    value: object = None
    digits: int = 0

    def contradicts(self, other: "Claim") -> bool:
        """Whether no outcome of the call could satisfy both."""
        if self.call != other.call:
            return False
        if "raises" in (self.kind, other.kind):
            return self.kind != other.kind
        first, second = sorted((self, other), key=lambda claim: claim.kind != "equals")
        if first.kind != "equals":
            return first.kind == second.kind == "truth" and first.value != second.value
        if second.kind == "truth":
            return bool(first.value) != second.value
        if second.kind == "rounds":
            exact = first.value
            return not isinstance(exact, int | float) or round(exact, second.digits) != second.value
        same = _equal(first.value, second.value)
        return same if second.kind == "differs" else not same


def parse(source: str) -> ast.Module | None:
    """Parse test source; None for anything that Python does not take."""
    if len(source) > _LONGEST:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except _BAD:
            return None


def claims_of(node: ast.AST) -> Iterator[Claim]:
    """What one statement says, itself and not what is nested in it."""
    found: Claim | None = None
    if isinstance(node, ast.Assert):
        found = _of_truth(node.test, wanted=True)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        found = _of_method(node.value)
    elif isinstance(node, ast.With) and len(node.items) == len(node.body) == 1:
        context, inner = node.items[0].context_expr, node.body[0]
        if isinstance(context, ast.Call) and _last_name(context.func) in _CATCHING:
            found = _raising(inner)
    elif isinstance(node, ast.Try) and node.handlers and len(node.body) > 1 and _is_dead_end(node.body[1]):
        found = _raising(node.body[0])
    if found is not None:
        yield found


def claims_in(*sources: str) -> dict[str, list[Claim]]:
    """All claims of test sources by call; calls about which they contradict themselves are left out."""
    found: dict[str, list[Claim]] = {}
    for tree in map(parse, sources):
        for node in ast.walk(tree) if tree else ():
            for claim in claims_of(node):
                found.setdefault(claim.call, []).append(claim)
    return {
        call: claims
        for call, claims in found.items()
        if not any(one.contradicts(other) for one in claims for other in claims)
    }


def calls_in(node: ast.AST) -> set[str]:
    """The calls with literal arguments anywhere in a node."""
    return {call for part in ast.walk(node) if (call := call_of(part)) is not None}


def contradiction(node: ast.AST, known: Mapping[str, Sequence[Claim]]) -> str | None:
    """The call about which a statement contradicts what is known, if there is one."""
    for claim in claims_of(node):
        if any(claim.contradicts(other) for other in known.get(claim.call, ())):
            return claim.call
    return None


def call_of(node: ast.AST) -> str | None:
    """The one spelling of a call of a named function with nothing but literals as arguments."""
    if not isinstance(node, ast.Call):
        return None
    name = node.func
    if isinstance(name, ast.Attribute) and isinstance(name.value, ast.Name) and name.value.id == "solution":
        name = ast.Name(name.attr)
    if not isinstance(name, ast.Name):
        return None
    given = [_literal(value) for value in node.args]
    named = [(keyword.arg, _literal(keyword.value)) for keyword in node.keywords]
    if any(value is None for value in given) or any(arg is None or value is None for arg, value in named):
        return None
    words = [repr(value[0]) for value in given if value]
    words += sorted(f"{arg}={value[0]!r}" for arg, value in named if value)
    return f"{name.id}({', '.join(words)})"


def _literal(node: ast.AST) -> tuple[object] | None:
    """The value of a literal, in a tuple because it may be None."""
    try:
        value = ast.literal_eval(node)
        repr(value)  # which fails for a number of too many digits
    except (*_BAD, TypeError):
        return None
    return (value,)


def _of_truth(test: ast.expr, *, wanted: bool) -> Claim | None:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _of_truth(test.operand, wanted=not wanted)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        equal = isinstance(test.ops[0], ast.Eq | ast.Is)
        if not equal and not isinstance(test.ops[0], ast.NotEq | ast.IsNot):
            return None
        return _of_pair(test.left, test.comparators[0], equal=equal is wanted)
    call = call_of(test)
    return Claim(call, "truth", wanted) if call else None


def _of_pair(left: ast.expr, right: ast.expr, *, equal: bool) -> Claim | None:
    """A claim that two sides are equal, or differ."""
    value = _literal(right)
    if value is None:
        left, value = right, _literal(left)
    if value is None:
        return None
    call = call_of(left)
    # By its name first: `round(f(2), 2)` and a doctest's `displayed(lambda: f(2))` are about f.
    if isinstance(left, ast.Call) and equal and (about := _wrapped(left, value[0])) is not None:
        return about
    return Claim(call, "equals" if equal else "differs", value[0]) if call else None


def _wrapped(node: ast.Call, value: object) -> Claim | None:
    name = _last_name(node.func)
    inner = node.args[0] if node.args else None
    if name == "round" and len(node.args) > 1 and (digits := _literal(node.args[1])) is not None:
        call = call_of(inner) if inner is not None else None
        return Claim(call, "rounds", value, digits[0]) if call and isinstance(digits[0], int) else None
    if not isinstance(inner, ast.Lambda) or not isinstance(value, str):
        return None
    call = call_of(inner.body)
    if call is None:
        return None
    if name.startswith("raised"):
        return Claim(call, "raises")
    shown = _literal(parsed) if (parsed := _expression(value)) is not None else None
    return Claim(call, "equals", shown[0]) if shown else None


def _expression(text: str) -> ast.expr | None:
    try:
        return ast.parse(text or "None", mode="eval").body
    except _BAD:
        return None


def _of_method(node: ast.Call) -> Claim | None:
    """What one of unittest's methods says."""
    name, given = _last_name(node.func), node.args
    if name in ("assertEqual", "assertIs", "assertEquals") and len(given) > 1:
        return _of_pair(given[0], given[1], equal=True)
    if name in ("assertNotEqual", "assertIsNot") and len(given) > 1:
        return _of_pair(given[0], given[1], equal=False)
    if name in ("assertTrue", "assertFalse") and given:
        return _of_truth(given[0], wanted=name == "assertTrue")
    if name in _CATCHING[:2] and len(given) > 1:
        called = ast.Call(func=given[1], args=given[2:], keywords=node.keywords)
        return Claim(call, "raises") if (call := call_of(called)) else None
    return None


def _raising(node: ast.stmt) -> Claim | None:
    call = call_of(node.value) if isinstance(node, ast.Expr) else None
    return Claim(call, "raises") if call else None


def _is_dead_end(node: ast.stmt) -> bool:
    return isinstance(node, ast.Raise) or (
        isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant) and not node.test.value
    )


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _equal(left: object, right: object) -> bool:
    """Whether two literals are equal; never where one of them is no number that equals itself."""
    return bool(left == right) or (left != left or right != right)  # noqa: PLR0124 - that is how NaN shows
