"""What a name of the tests stands for, by their source alone: theirs, a builtin's, or the solution's.

Nothing here asks the solution: what it says of itself, such as `__module__`, it can set as it likes.
"""

from __future__ import annotations

import ast
import builtins
import sys
import types
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeAlias

    from sandbox.inside.looking import FUNCTIONS
    from sandbox.inside.remote import RemoteClass

    Untyped: TypeAlias = Any  # whatever the tests call
else:
    from looking import FUNCTIONS
    from remote import RemoteClass

_BUILTINS = frozenset(vars(builtins))
_INNER = (*FUNCTIONS, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def bound_by(node: ast.AST) -> Iterator[str]:
    """The names that a statement of the module binds there, but for those of `import *`."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.split(".")[0] for alias in node.names if alias.name != "*")
    elif isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        yield node.name
    if not isinstance(node, _INNER):
        for child in ast.iter_child_nodes(node):
            yield from bound_by(child)


def bound_once(tree: ast.Module) -> frozenset[str]:
    """The names of the module that get their value once and for all, as far as its source tells."""
    names = [name for node in tree.body for name in bound_by(node)]
    again = {name for part in ast.walk(tree) if isinstance(part, ast.Global) for name in part.names}
    return frozenset(name for name in names if names.count(name) == 1 and name not in again)


def takes_all(node: ast.AST, own: frozenset[str]) -> bool:
    """Whether a statement says `from … import *` of a module of the solution."""
    return any(
        isinstance(part, ast.ImportFrom) and part.names[0].name == "*" and _home(part) in own
        for part in ast.walk(node)
    )


def subjects(tree: ast.Module, names: Iterable[str], own: frozenset[str], solution: str) -> frozenset[str]:
    """The names, builtins' and the solution's both, that mean the solution's in these tests.

    They do in tests that have no other way to the solution: no import of it, no name that could be its own.
    And then those only that are called, and not around a call of another, as in `abs(sum(x) - 1)`.
    """
    shadows = _BUILTINS & frozenset(names)
    used = {part.id for part in ast.walk(tree) if isinstance(part, ast.Name)} & shadows
    if not used or _free(tree, solution, own) or any(_imports_own(part, own) for part in ast.walk(tree)):
        return frozenset()
    calls = [part for part in ast.walk(tree) if _called(part) in used]
    tools = {
        _called(call)
        for call in calls
        if any(_called(part) in used - {_called(call)} for part in ast.walk(call) if part is not call)
    }
    return frozenset(_called(call) for call in calls) - tools


def mark(tree: ast.Module, own: frozenset[str]) -> ast.Module:
    """Mark the calls of what the solution gives, so that none is taken for an assertion by its name."""
    theirs = set(_bound_anywhere(tree, own))
    # What else such an import gives is seen when it is called.
    opaque = any(
        isinstance(part, ast.ImportFrom) and part.names[0].name == "*" and _home(part) not in own
        for part in ast.walk(tree)
    )
    imported = set(_bound_anywhere(tree, frozenset())) - theirs
    for part in ast.walk(tree):
        if isinstance(part, ast.Call):
            root = _root(part.func)
            known = root is None or root in theirs or root in _BUILTINS or (opaque and root not in imported)
            part.of_solution = not known  # type: ignore[attr-defined]
    return tree


def foreign(trusted: tuple[str, ...]) -> Callable[[Untyped], bool]:
    """A function that tells whether a function is the solution's, by where its code comes from."""

    def is_foreign(function: Untyped) -> bool:
        kind = type(function)
        if isinstance(function, RemoteClass) or isinstance(kind, RemoteClass):
            return True
        if kind is types.MethodType:
            function, kind = function.__func__, type(function.__func__)
        if kind is types.FunctionType:
            return not function.__code__.co_filename.startswith(trusted)
        if isinstance(function, type):
            made = [vars(each).get(name) for each in function.__mro__ for name in ("__new__", "__init__")]
        else:
            made = [vars(each).get("__call__") for each in kind.__mro__]
        return any(
            type(each) is types.FunctionType and not each.__code__.co_filename.startswith(trusted)
            for each in made
        )

    return is_foreign


def genuine_modules(trees: list[ast.Module], own: frozenset[str]) -> frozenset[str]:
    """The solution's modules in whose place tests get the installed module of that name.

    That is any of which an installed one exists, unless the tests take something that it does not have.
    """
    both = {name for name in own - {"solution"} if _is_installed(name)}
    return frozenset(name for name in both if all(_has(name, taken) for taken in _taken(trees, name)))


def _is_installed(name: str) -> bool:
    if name in sys.builtin_module_names or name in sys.stdlib_module_names:
        return True
    spec = PathFinder.find_spec(name)
    # A folder without __init__.py is no module that anybody installed.
    return spec is not None and spec.origin is not None


def _has(module: str, path: str) -> bool:
    try:
        value = __import__(module)
        for name in path.split(".") if path else ():
            if not hasattr(value, name):
                __import__(f"{value.__name__}.{name}")
            value = getattr(value, name)
    except Exception:  # noqa: BLE001 - whatever it is, the tests cannot have meant that
        return False
    return True


def _taken(trees: list[ast.Module], module: str) -> Iterator[str]:
    """What tests take from a module, as dotted paths below it."""
    for part in (part for tree in trees for part in ast.walk(tree)):
        if isinstance(part, ast.ImportFrom) and _home(part) == module:
            below = (part.module or "").partition(".")[2]
            for alias in part.names:
                yield ".".join(filter(None, (below, alias.name.replace("*", ""))))
        elif isinstance(part, ast.Import):
            yield from (a.name.partition(".")[2] for a in part.names if a.name.split(".")[0] == module)
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            names = {a.asname or a.name for tree in trees for a in _aliases(tree) if a.name == module}
            if part.value.id in names:
                yield part.attr


def _aliases(tree: ast.Module) -> Iterator[ast.alias]:
    for part in ast.walk(tree):
        if isinstance(part, ast.Import):
            yield from part.names


def _home(node: ast.ImportFrom) -> str:
    return "" if node.level else (node.module or "").split(".")[0]


def _imports_own(node: ast.AST, own: frozenset[str]) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] in own for alias in node.names)
    return isinstance(node, ast.ImportFrom) and node.names[0].name != "*" and _home(node) in own


def _called(node: ast.AST) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _root(node: ast.expr) -> str | None:
    """The name at which an expression such as `a.b[0].c(1)` begins."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def _free(tree: ast.Module, solution: str, own: frozenset[str]) -> bool:
    """Whether the tests use a name that neither they nor the builtins have, so that it is the solution's."""
    known = {*_BUILTINS, *_bound_anywhere(tree, frozenset()), "__name__", "__file__"}
    modules = {name for name in sys.stdlib_module_names - own if f"import {name}" in solution}
    return any(isinstance(part, ast.Name) and part.id not in known | modules for part in ast.walk(tree))


def _bound_anywhere(tree: ast.Module, own: frozenset[str]) -> Iterator[str]:
    """The names that tests bind in any scope; but for imports of `own`."""
    for part in ast.walk(tree):
        if isinstance(part, ast.arg):
            yield part.arg
        elif isinstance(part, (ast.Import, ast.ImportFrom)):
            for alias in part.names:
                home = _home(part) if isinstance(part, ast.ImportFrom) else alias.name.split(".")[0]
                if home not in own:
                    yield alias.asname or alias.name.split(".")[0]
        elif isinstance(
            part, (*FUNCTIONS, ast.ClassDef, ast.Name, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)
        ):
            yield from bound_by(part)
