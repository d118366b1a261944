"""Rewriting `assert` so that a failure shows its values and equality is not taken on trust."""

from __future__ import annotations

import ast
import operator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.inside.describing import show
    from sandbox.inside.equality import convincing
else:
    from describing import show
    from equality import convincing

_OPERATORS: dict[str, Callable[..., object]] = {
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
_NEVER_INSIDE = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)


def title(node: ast.AST, most: int = 160) -> str:
    """The source of a node on one line."""
    try:
        text = " ".join(ast.unparse(node).split())
    except (RecursionError, ValueError):
        text = f"line {getattr(node, 'lineno', '?')}"
    return text if len(text) <= most else f"{text[:most]} …"


def compare(name: str, text: str, left: object, right: object, message: Callable[[], object] | None) -> None:
    """Stand in for an assert on one comparison; both sides were evaluated once, by the caller.

    Raises:
        AssertionError: When it does not hold, with the values.
    """
    outcome = _OPERATORS[name](left, right)
    if not outcome:
        raise AssertionError(_with_message(f"{text}: left is {show(left)}, right is {show(right)}", message))
    if name == "Eq" and not convincing(left, right):
        raise AssertionError(f"{text}: {show(left)} claims to equal {show(right)}, and other values as well")


def truth(text: str, value: object, message: Callable[[], object] | None) -> None:
    """Stand in for an assert on any other expression.

    Raises:
        AssertionError: When it is false, with the value.
    """
    if isinstance(value, tuple) and value and text.startswith("("):
        raise AssertionError(f"{text}: an assert on a tuple is always true; remove the brackets")
    if not value:
        raise AssertionError(_with_message(f"{text}: got {show(value)}", message))


def _with_message(detail: str, message: Callable[[], object] | None) -> str:
    if message is None:
        return detail
    given = message()
    return f"{detail} ({given if isinstance(given, str) else show(given)})"


class Rewriter(ast.NodeTransformer):
    """Turns each assert into a call of `compare` or `truth`, under names that nobody else uses."""

    def __init__(self, prefix: str) -> None:
        """Use helper names that start with `prefix`."""
        self._prefix = prefix

    def helpers(self) -> dict[str, object]:
        """What the rewritten code needs among its globals."""
        return {f"{self._prefix}compare": compare, f"{self._prefix}truth": truth}

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Rewrite one assert."""
        test, text = node.test, ast.Constant(title(node.test))
        message: ast.expr = ast.Constant(None)
        if node.msg is not None and not any(isinstance(part, _NEVER_INSIDE) for part in ast.walk(node.msg)):
            nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
            message = ast.Lambda(args=nothing, body=node.msg)
        arguments: list[ast.expr]
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            helper = "compare"
            kind = ast.Constant(type(test.ops[0]).__name__)
            arguments = [kind, text, test.left, test.comparators[0], message]
        else:
            helper, arguments = "truth", [text, test, message]
        name = ast.Name(self._prefix + helper, ast.Load())
        statement = ast.Expr(ast.Call(func=name, args=arguments, keywords=[]))
        return ast.fix_missing_locations(ast.copy_location(statement, node))
