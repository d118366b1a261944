"""Comparing by identity from outside, where plain data are copies: such a case is found beside the solution.

The asserts of the tests are rewritten already; here the two sides of each `is` are handed to us on the way.
"""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from sandbox.inside.intact import conceal
    from sandbox.inside.remote import RemoteClass
    from sandbox.inside.rewriting import after, call_of, called
    from sandbox.inside.session import Session
    from sandbox.inside.standard import name_of
    from sandbox.inside.wire import SINGLES

    Untyped: TypeAlias = Any  # what tests compare
else:
    from intact import conceal
    from remote import RemoteClass
    from rewriting import after, call_of, called
    from standard import name_of
    from wire import SINGLES

_KINDS = ("Is", "IsNot")
_HELPERS = ("compare", "holds", "part")
_METHODS = ("assertIs", "assertIsNot")
_DATA = (int, float, complex, str, bytes, tuple, frozenset, range, slice)
_COMPARED = (int, str, bytes)


class Identities(ast.NodeTransformer):
    """Hands both sides of `is`, `is not`, `assertIs` and `assertIsNot` to `left` and `right`."""

    def __init__(self, prefix: str) -> None:
        """Use helper names that start with `prefix`, as the asserts do that were rewritten."""
        self._prefix = prefix
        self._sites = 0

    def helpers(self, session: Session | None, verify: Callable[[], object]) -> dict[str, Untyped]:
        """What `bake` puts in the place of the helpers' names; without a session nothing is a copy."""
        left, right = _watchers(session)
        return {
            f"{self._prefix}left": conceal(after(verify, left)),
            f"{self._prefix}right": conceal(after(verify, right)),
        }

    def _pass(self, left: ast.expr, right: ast.expr) -> list[ast.expr]:
        if any(isinstance(side, ast.Constant) and _is_single(side.value) for side in (left, right)):
            return [left, right]
        self._sites += 1
        return [self._call("left", left), self._call("right", right)]

    def _call(self, helper: str, side: ast.expr) -> ast.expr:
        return ast.copy_location(call_of(self._prefix + helper, ast.Constant(self._sites), side), side)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """A comparison that no assert made."""
        self.generic_visit(node)
        if len(node.ops) == 1 and isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            node.left, node.comparators[0] = self._pass(node.left, node.comparators[0])
        return ast.fix_missing_locations(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """What an assert has become, or a call of unittest's."""
        self.generic_visit(node)
        at = self._first_side(node)
        if at is not None and len(node.args) >= at + 2:
            node.args[at : at + 2] = self._pass(*node.args[at : at + 2])
        return ast.fix_missing_locations(node)

    def _first_side(self, node: ast.Call) -> int | None:
        name = called(node)
        if name:
            helper = name.removeprefix(self._prefix)
            return (
                1 + (helper == "compare")
                if helper in _HELPERS and _constant(node.args[0]) in _KINDS
                else None
            )
        function = node.func
        watched = isinstance(function, ast.Call) and function.args and _constant(function.args[0]) in _METHODS
        return 0 if watched else None


def _constant(node: ast.expr) -> Untyped:
    return node.value if isinstance(node, ast.Constant) else None


def _watchers(session: Session | None) -> tuple[Callable[..., Untyped], Callable[..., Untyped]]:
    waiting: dict[int, Untyped] = {}

    def left(site: int, value: Untyped) -> Untyped:
        if session is not None:
            waiting[site] = value
        return value

    def right(site: int, value: Untyped) -> Untyped:
        if session is not None and _may_be_same(waiting.pop(site, None), value):
            session.refuse("the identity of plain data")
        return value

    return left, right


def _may_be_same(left: Untyped, right: Untyped) -> bool:
    """Whether two values that are not the same here, or are, might be otherwise where the solution is."""
    far = [isinstance(type(side), RemoteClass) for side in (left, right)]
    if any(far):
        # A function of the standard library has a likeness too.
        near = right if far[0] else left
        return not all(far) and callable(near) and not isinstance(near, type)
    if type(left) is not type(right) or not _is_data(left):
        return False
    return type(left) not in _COMPARED or left == right


def _is_single(value: Untyped) -> bool:
    return any(value is single for single in SINGLES.values())


def _is_data(value: Untyped) -> bool:
    return type(value) in _DATA or bool(name_of(value))
