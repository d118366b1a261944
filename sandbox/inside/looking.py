"""A static look at test source: what is a test, what is a check, what only starts a runner."""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda)
# By name, as 3.10 had no TryStar and 3.9 no Match.
_COMPOUND = ("If", "For", "AsyncFor", "While", "With", "AsyncWith", "Try", "TryStar", "Match")
_CHECKING = ("raises", "warns", "deprecated_call", "fail")
_MACHINE = ("sys", "os", "platform")


def direct(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what runs with it: no function inside it, no branch that can never be taken."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, ast.If) and isinstance(part.test, ast.Constant):
            waiting.extend(part.body if part.test.value else part.orelse)
        else:
            waiting.extend(child for child in ast.iter_child_nodes(part) if not isinstance(child, _SCOPES))


def checking_call(node: ast.AST) -> str:
    """The name of the called function when calling it is an assertion, such as `assertEqual` or `raises`.

    What the solution gives is none, where `naming.mark` has been before.
    """
    if not isinstance(node, ast.Call) or getattr(node, "of_solution", False):
        return ""
    name = _last_name(node.func)
    return name if name.startswith("assert") or name in _CHECKING else ""


def has_assert(node: ast.stmt) -> bool:
    """Whether a statement that runs now holds an assertion, also in a branch that is never taken."""
    if isinstance(node, (*_SCOPES, ast.Import, ast.ImportFrom)):
        return False
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Assert) or checking_call(part):
            return True
        waiting.extend(child for child in ast.iter_child_nodes(part) if not isinstance(child, _SCOPES))
    return False


def depends_on_machine(node: ast.stmt) -> bool:
    """Whether a statement is an `if` about the platform or the version of Python."""
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id in _MACHINE for part in ast.walk(node.test)
    )


def raises_when_wrong(node: ast.AST, *, nested: bool = False) -> bool:
    """Whether code checks by raising: where all is well, the raise, or the `assert False`, is not reached.

    Args:
        node: A function or a statement.
        nested: Whether it is a function inside a function, which may be a stub that has to raise.
    """
    parts = list(direct(node))
    if not any(type(part).__name__ in _COMPOUND for part in parts):
        return False
    return any(_is_dead_end(part, nested=nested) for part in parts)


def _is_dead_end(node: ast.AST, *, nested: bool) -> bool:
    if isinstance(node, ast.Assert):
        test = node.test
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return isinstance(test.operand, ast.Constant) and bool(test.operand.value)
        return isinstance(test, ast.Constant) and not test.value
    if isinstance(node, ast.Raise) and node.exc is not None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return not nested or _last_name(raised) == "AssertionError"
    return checking_call(node) == "fail"


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def definitions(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Functions and classes of a module, those under an `if`, `try` or `with` too, and named lambdas."""
    for node in body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            yield node.name, node
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            yield from ((name.id, node.value) for name in node.targets if isinstance(name, ast.Name))
        elif type(node).__name__ in _COMPOUND:
            for inner in ast.iter_child_nodes(node):
                if isinstance(inner, ast.stmt):
                    yield from definitions([inner])
                elif isinstance(inner, ast.ExceptHandler):
                    yield from definitions(inner.body)


def is_test(name: str, node: ast.AST) -> bool:
    """Whether a definition is a test function or a class that may hold some."""
    if isinstance(node, ast.ClassDef):
        return name.startswith("Test") or any("Test" in _last_name(base) for base in node.bases)
    return name.startswith("test")


def finds_test(tree: ast.Module) -> bool:
    """Whether the source may hold a test at all, as far as one can see without running it."""
    return (
        any(is_test(name, node) for name, node in definitions(tree.body))
        or any(isinstance(part, (ast.Assert, ast.Raise)) or checking_call(part) for part in ast.walk(tree))
        or imports_pytest(tree)
    )


def collects(tree: ast.Module) -> bool:
    """Whether there is anything that a test runner collects."""
    return any(is_test(name, node) for name, node in definitions(tree.body))


def imports_pytest(tree: ast.AST) -> bool:
    """Whether the source imports pytest anywhere."""
    return any(
        (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "pytest" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pytest")
        for node in ast.walk(tree)
    )


def without_main(tree: ast.Module) -> ast.Module:
    """Take out what only starts a runner: `unittest.main()`, `pytest.main()`, `if __name__ == "__main__"`."""
    runners = _runners(tree)
    kept: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.If) and _asks_for_main(node.test):
            kept += node.orelse
        elif not (isinstance(node, ast.Expr) and _starts_runner(node.value, runners)):
            kept.append(node)
    tree.body = kept
    return tree


def _runners(tree: ast.Module) -> set[str]:
    """What `unittest.main` and `pytest.main` are called here."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names = [alias for alias in node.names if alias.name in ("unittest", "pytest")]
            found.update(f"{alias.asname or alias.name}.main" for alias in names)
        elif isinstance(node, ast.ImportFrom) and node.module in ("unittest", "pytest"):
            found.update(alias.asname or alias.name for alias in node.names if alias.name == "main")
    return found


def _starts_runner(node: ast.expr, runners: set[str]) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func)
    if name in ("exit", "sys.exit", "quit"):
        return len(node.args) == 1 and _starts_runner(node.args[0], runners)
    return name in runners


def _asks_for_main(test: ast.expr) -> bool:
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return False
    sides = (test.left, test.comparators[0])
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides) and any(
        isinstance(side, ast.Constant) and side.value == "__main__" for side in sides
    )
