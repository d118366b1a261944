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


def after(verify: Callable[[], object], helper: Callable[..., object]) -> Callable[..., object]:
    """The helper, which verifies before each call."""

    def call(*arguments: object) -> object:
        verify()
        return helper(*arguments)

    return call


def call_of(name: str, *arguments: ast.expr) -> ast.Call:
    """A call of the helper that `bake` puts in the place of a name."""
    # A constant that is called outright makes the compiler warn.
    function = ast.IfExp(ast.Constant(value=True), ast.Constant(name), ast.Constant(None))
    return ast.Call(func=function, args=list(arguments), keywords=[])


def called(node: ast.Call) -> str:
    """The name of the helper that a call of `call_of` calls, or nothing."""
    function = node.func
    if isinstance(function, ast.IfExp) and isinstance(function.body, ast.Constant):
        return str(function.body.value)
    return ""


class Rewriter(ast.NodeTransformer):
    """Turns asserts and comparisons into calls of `Checks`, under names that nobody else uses."""

    def __init__(self, prefix: str) -> None:
        """Use helper names that start with `prefix`."""
        self._prefix = prefix
        self._depth = 0
        self._kept = 0
        self._comprehensions = 0
        self._looked_into: set[ast.expr] = set()

    def helpers(self, checks: Checks, verify: Callable[[], object]) -> dict[str, object]:
        """What `bake` puts in the place of the helpers' names; each looks first whether all is as it was."""
        names = ("compare", "holds", "truth", "watch", "seen", "subject", "part")
        return {f"{self._prefix}{name}": conceal(after(verify, getattr(checks, name))) for name in names}

    def _call(self, helper: str, *arguments: ast.expr) -> ast.Call:
        return call_of(self._prefix + helper, *arguments)

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
        node.func = self._call("watch", ast.Constant(name), node.func)
        return ast.fix_missing_locations(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Rewrite one assert."""
        text = ast.Constant(title(node.test))
        test = node.test
        single = isinstance(test, ast.Compare) and len(test.ops) == 1
        if isinstance(test, ast.Compare) and single:
            self._look_into(test.left, *test.comparators)
            # Of a single comparison the assert says both values.
            self.generic_visit(test)
        else:
            test = self.visit(test)
        message: ast.expr = ast.Constant(None)
        if node.msg is not None and not any(isinstance(part, _NEVER_INSIDE) for part in ast.walk(node.msg)):
            nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
            message = ast.Lambda(args=nothing, body=self.visit(node.msg))
        if isinstance(test, ast.Compare) and single:
            kind = ast.Constant(type(test.ops[0]).__name__)
            call = self._call("compare", kind, text, test.left, test.comparators[0], message)
        else:
            call = self._call("truth", text, test, message)
        return ast.fix_missing_locations(ast.copy_location(ast.Expr(call), node))

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        """Remember where no name can be bound in passing."""
        return self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        """The same."""
        return self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        """The same."""
        return self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        """The same."""
        return self._comprehension(node)

    def _comprehension(self, node: ast.AST) -> ast.AST:
        self._comprehensions += 1
        self.generic_visit(node)
        self._comprehensions -= 1
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST:
        """Doubt a subject that equals whatever a case names."""
        self.generic_visit(node)
        literals = [part.value for part in ast.walk(node) if isinstance(part, ast.MatchValue)]
        known = [each for each in literals if isinstance(each, ast.Constant)]
        node.subject = self._call("subject", node.subject, *known)
        return ast.fix_missing_locations(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Remember a comparison of which an attribute is asked."""
        self._look_into(node.value)
        self.generic_visit(node)
        return node

    def _look_into(self, *nodes: ast.expr) -> None:
        self._looked_into.update(nodes)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Turn `a < b < c` into `holds(a, kept := b) and holds(kept, c)`, each evaluated at most once."""
        self._look_into(node.left, *node.comparators)
        self.generic_visit(node)
        if len(node.ops) > 1 and self._comprehensions:
            return node
        if len(node.ops) == 1 and node in self._looked_into:
            only = ast.Constant(type(node.ops[0]).__name__)
            part = self._call("part", only, node.left, node.comparators[0])
            return ast.fix_missing_locations(ast.copy_location(part, node))
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
        made = parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)
        return ast.fix_missing_locations(ast.copy_location(made, node))
