"""Rewriting test source so that its asserts call our helpers."""

from __future__ import annotations

import ast
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.inside.asserts import Checks
    from sandbox.inside.intact import conceal
    from sandbox.inside.looking import checking_call, raises_when_wrong
else:
    from intact import conceal
    from looking import checking_call, raises_when_wrong

_NEVER_INSIDE = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)


def title(node: ast.AST, most: int = 160) -> str:
    """The source of a node on one line."""
    try:
        text = " ".join(ast.unparse(node).split())
    except (RecursionError, ValueError):
        text = f"line {getattr(node, 'lineno', '?')}"
    return text if len(text) <= most else f"{text[:most]} …"


def bake(code: types.CodeType, helpers: Mapping[str, object]) -> types.CodeType:
    """Put the helpers among a code's constants, which nobody can change, instead of their names."""
    consts = tuple(
        bake(each, helpers)
        if isinstance(each, types.CodeType)
        else helpers.get(each, each)
        if type(each) is str
        else each
        for each in code.co_consts
    )
    return code.replace(co_consts=consts)


def _after(verify: Callable[[], object], helper: Callable[..., object]) -> Callable[..., object]:
    def call(*arguments: object) -> object:
        verify()
        return helper(*arguments)

    return call


class Rewriter(ast.NodeTransformer):
    """Turns each assert into a call of one of `Checks`, under names that nobody else uses."""

    def __init__(self, prefix: str) -> None:
        """Use helper names that start with `prefix`."""
        self._prefix = prefix
        self._depth = 0
        self._kept = 0

    def helpers(self, checks: Checks, verify: Callable[[], object]) -> dict[str, object]:
        """What `bake` puts in the place of the helpers' names; each looks first whether all is as it was."""
        names = ("compare", "holds", "truth", "watch", "seen")
        return {f"{self._prefix}{name}": conceal(_after(verify, getattr(checks, name))) for name in names}

    def _call(self, helper: str, *arguments: ast.expr) -> ast.Call:
        # A constant that is called outright makes the compiler warn.
        name = ast.IfExp(ast.Constant(value=True), ast.Constant(self._prefix + helper), ast.Constant(None))
        return ast.Call(func=name, args=list(arguments), keywords=[])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Count a function that checks by raising when it runs."""
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """The same for an asynchronous one."""
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        counts = raises_when_wrong(node, nested=self._depth > 0)
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        if counts:
            node.body.insert(ast.get_docstring(node) is not None, ast.Expr(self._call("seen")))
        return ast.fix_missing_locations(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Count a call that is an assertion by its name."""
        name = checking_call(node)
        self.generic_visit(node)
        if not name:
            return node
        if name in ("assertTrue", "assertFalse") and node.args:
            node.args[0] = self._sure(node.args[0])
        node.func = self._call("watch", ast.Constant(name), node.func)
        return ast.fix_missing_locations(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Rewrite one assert."""
        text = ast.Constant(title(node.test))
        self.generic_visit(node)
        test = node.test
        message: ast.expr = ast.Constant(None)
        if node.msg is not None and not any(isinstance(part, _NEVER_INSIDE) for part in ast.walk(node.msg)):
            nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
            message = ast.Lambda(args=nothing, body=node.msg)
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            kind = ast.Constant(type(test.ops[0]).__name__)
            call = self._call("compare", kind, text, test.left, test.comparators[0], message)
        else:
            call = self._call("truth", text, self._sure(test), message)
        return ast.fix_missing_locations(ast.copy_location(ast.Expr(call), node))

    def _sure(self, node: ast.expr) -> ast.expr:
        """Replace the comparisons of a truth value by ones that doubt an easy equality."""
        if isinstance(node, ast.BoolOp):
            node.values = [self._sure(value) for value in node.values]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node.operand = self._sure(node.operand)
        elif isinstance(node, ast.Compare):
            return self._chain(node)
        return node

    def _chain(self, node: ast.Compare) -> ast.expr:
        """Turn `a < b < c` into `holds(a, kept := b) and holds(kept, c)`, each evaluated at most once."""
        left, parts = node.left, list[ast.expr]()
        for number, (kind, right) in enumerate(zip(node.ops, node.comparators, strict=True), 1):
            value, again = right, right
            if number < len(node.ops):
                self._kept += 1
                name = f"{self._prefix}{self._kept}"
                value = ast.NamedExpr(ast.Name(name, ast.Store()), right)
                again = ast.Name(name, ast.Load())
            parts.append(self._call("holds", ast.Constant(type(kind).__name__), left, value))
            left = again
        return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)
