"""A static look at test source: which cases need the solution in their own process.

It is taken before anything of the solution has run, so that the solution has no say in it. Where this
look is not sure, the case shares the process: that may cost trust, never a false failure.
"""

from __future__ import annotations

import ast
import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.inside.looking import FUNCTIONS, definitions
else:
    from looking import FUNCTIONS, definitions

HARMLESS = frozenset(
    """
    __future__ base64 bisect calendar cmath collections copy datetime decimal difflib enum fractions
    functools hashlib heapq html itertools json math numbers operator pathlib pytest re statistics
    string struct textwrap typing typing_extensions unittest uuid zoneinfo
    """.split()  # noqa: SIM905 - a list of words
)
"""Modules that do nothing to the process in which they are used."""
_NAMES = frozenset(
    """
    eval exec globals locals vars dir __import__ breakpoint input getcontext setcontext localcontext
    get_type_hints assertWarns assertWarnsRegex assertLogs assertNoLogs warns deprecated_call mock
    getrefcount is_ is_not __code__ __globals__ __closure__ __wrapped__ __signature__ __subclasses__
    """.split()  # noqa: SIM905 - a list of words
)
_FIXTURES = frozenset(
    """
    capsys capsysbinary capfd capfdbinary caplog recwarn monkeypatch mocker testdir pytester
    event_loop
    """.split()  # noqa: SIM905 - a list of words
)
_EVERYWHERE = frozenset(
    """
    setup_module setup_function teardown_module teardown_function setUpModule tearDownModule setup
    teardown pytest_generate_tests pytestmark
    """.split()  # noqa: SIM905 - a list of words
)
_STEERED = frozenset(("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "solution"))
_ASYNCHRONOUS = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)


class Look:
    """What the source of one step of tests needs."""

    def __init__(self, tree: ast.Module, own: frozenset[str], solution: str, files: frozenset[str]) -> None:
        """Look at test source.

        Args:
            tree: The source.
            own: The solution's modules, as far as the tests can mean them.
            solution: Their source.
            files: All of the solution's modules.
        """
        self._own = own
        self._solution = solution
        self._bound: dict[str, list[ast.AST]] = {}
        self._imported: dict[str, bool] = {}
        self._standard: set[str] = set()
        self._known: dict[str, bool] = {}
        self._bind(tree.body)
        # A module of the solution may not stand in the place of one that the judge itself needs.
        mistakable = files & ((sys.stdlib_module_names | _STEERED) - {"solution"})
        self.all = bool(mistakable) or any(self._steers(node) for node in tree.body)

    def shares(self, name: str) -> bool:
        """Whether a test function or class of that name needs it."""
        return self.all or self._name(name)

    def statement(self, node: ast.AST) -> bool:
        """Whether a statement of the module needs it."""
        return self.all or self._needs(node)

    def _bind(self, body: list[ast.stmt]) -> None:
        for name, node in definitions(body):
            self._bound.setdefault(name, []).append(node)
        for statement in body:
            for node in _of_module(statement):
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    for name, harmful in self._imports(node):
                        self._imported[name] = self._imported.get(name, False) or harmful
                        if not self._is_own(node):
                            self._standard.add(name)
                elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    for name in _names_in(targets):
                        self._bound.setdefault(name, []).append(node.value)

    def _imports(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.split(".")[0], not self._harmless(alias.name)
            return
        module = node.module or ""
        for alias in node.names:
            full = f"{module}.{alias.name}"
            yield alias.asname or alias.name, node.level > 0 or not self._harmless(module, full)

    def _is_own(self, node: ast.Import | ast.ImportFrom) -> bool:
        names = (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
        )
        return any(name.split(".")[0] in {*self._own, "solution"} for name in names)

    def _harmless(self, *names: str) -> bool:
        root = names[0].split(".")[0]
        if root == "solution" or root in self._own:
            return True
        return root in HARMLESS and not any(name.startswith("unittest.mock") for name in names)

    def _steers(self, node: ast.stmt) -> bool:
        """Whether a statement of the module changes the process for all cases."""
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Assert)):
            return False
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            everywhere = node.name in _EVERYWHERE or any(_is_automatic(each) for each in node.decorator_list)
            return everywhere and self._needs(node)
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            plain = all(isinstance(target, (ast.Name, ast.Tuple, ast.List)) for target in targets)
            return (not plain or bool(_names_in(targets) & _EVERYWHERE)) and self._needs(node)
        return self._needs(node)

    def _name(self, name: str) -> bool:
        """Whether what a name of the module stands for needs it."""
        if name in self._known:
            return self._known[name]
        self._known[name] = False  # while we look, for those that name each other
        found = self._imported.get(name, False) or any(
            self._needs(node) for node in self._bound.get(name, ())
        )
        free = name not in self._imported and name not in self._bound
        # Tests may use what the solution imports.
        if free and name in sys.stdlib_module_names and f"import {name}" in self._solution:
            found = not self._harmless(name)
        self._known[name] = found
        return found

    def _needs(self, node: ast.AST) -> bool:
        return any(self._part(part) for part in ast.walk(node))

    def _part(self, part: ast.AST) -> bool:
        if isinstance(part, ast.Name):
            return part.id in _NAMES or self._name(part.id)
        if isinstance(part, ast.Attribute):
            return part.attr in _NAMES
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == "id":
            return True
        if isinstance(part, (ast.Import, ast.ImportFrom)):
            return any(harmful for _, harmful in self._imports(part))
        if isinstance(part, ast.ClassDef):
            return any(not self._may_be_base(base) for base in part.bases)
        return isinstance(part, _ASYNCHRONOUS) or any(map(self._fixture, _asked_for(part)))

    def _fixture(self, name: str) -> bool:
        return name in _FIXTURES or (name in self._bound and self._name(name))

    def _may_be_base(self, node: ast.expr) -> bool:
        """Whether a base of a class of the tests is known not to be the solution's."""
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        if not isinstance(node, ast.Name):
            return False
        if any(isinstance(made, ast.ClassDef) for made in self._bound.get(node.id, ())):
            return True
        return hasattr(builtins, node.id) or node.id in self._standard


def _of_module(node: ast.AST) -> Iterator[ast.AST]:
    """A statement and those in it that run with it."""
    yield node
    if not isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
        for child in ast.iter_child_nodes(node):
            yield from _of_module(child)


def _names_in(targets: Sequence[ast.expr]) -> set[str]:
    return {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


def _is_automatic(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and any(each.arg == "autouse" for each in node.keywords)


def _asked_for(part: ast.AST) -> list[str]:
    """The fixtures that a function, or a call of `usefixtures`, asks for by name."""
    if isinstance(part, ast.FunctionDef):
        return [arg.arg for arg in (*part.args.posonlyargs, *part.args.args, *part.args.kwonlyargs)]
    called = part.func if isinstance(part, ast.Call) else None
    if isinstance(called, ast.Attribute) and called.attr in ("usefixtures", "getfixturevalue"):
        arguments = part.args if isinstance(part, ast.Call) else ()
        return [str(arg.value) for arg in arguments if isinstance(arg, ast.Constant)]
    return []
