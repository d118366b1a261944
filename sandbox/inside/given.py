"""The names that tests are given: their own before the builtins', and these before the solution's."""

from __future__ import annotations

import ast
import builtins
import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    from sandbox.inside.intact import Pin
    from sandbox.inside.looking import FUNCTIONS, definitions, is_test
    from sandbox.inside.naming import bound_by, bound_once, subjects, takes_all
    from sandbox.inside.rewriting import bake
    from sandbox.inside.sharing import HARMLESS

    Untyped: TypeAlias = Any  # what the solution and the tests made
else:
    from looking import FUNCTIONS, definitions, is_test
    from naming import bound_by, bound_once, subjects, takes_all
    from rewriting import bake
    from sharing import HARMLESS

_BUILTINS = frozenset(vars(builtins))
_BY_NAME = frozenset(
    """
    __name__ __module__ modules globals pickle get_type_hints setUpModule tearDownModule __future__
    """.split()  # noqa: SIM905 - a list of words
)
"""Ways to a module by its name."""
_LASTING = (types.FunctionType, types.BuiltinFunctionType, types.ModuleType, type, int, float, str, bytes)


_MADE = (types.FunctionType, types.BuiltinFunctionType, type)
_CHANGING = frozenset(("monkeypatch", "patch", "mocker", "setattr", "mock", "reload"))
_RUNNING = frozenset(
    """
    unittest.case unittest.suite unittest.result unittest.mock pytest _pytest.python_api _pytest.raises
    _pytest.recwarn _pytest.outcomes _pytest.skipping _pytest.runner _pytest.unittest
    """.split()  # noqa: SIM905 - a list of words
)


class Given:
    """What the module of the tests holds, and the running of its statements."""

    def __init__(  # noqa: PLR0913 - each is one thing that tests are given
        self,
        tree: ast.Module,
        names: Mapping[str, Untyped],
        own: frozenset[str],
        solution: str,
        helpers: Mapping[str, Untyped],
        *,
        imports: set[str],
        pin: Pin | None,
    ) -> None:
        """Give tests the solution's `names`, and builtins that no call of the solution changes.

        Args:
            tree: The source of the tests.
            names: The solution's names.
            own: The solution's modules.
            solution: Their source.
            helpers: What asserts became.
            imports: The modules that the tests import.
            pin: Has a name watched, in the process that has the solution.
        """
        self._own = own
        self._helpers = helpers
        self._pin = pin
        self._once = bound_once(tree)
        self._found_by_name = _is_found_by_name(tree)
        self._relied_on = _relied_on(tree, imports)
        self._bound: set[str] = set()
        self._meant = subjects(tree, names, own, solution)
        self._names = {name: value for name, value in names.items() if self._may_give(name)}
        self.made: dict[str, Untyped] = {}
        """The names that the tests bound, with what they defined, as it was when they did."""

    @property
    def unclear(self) -> str:
        """What to say when tests might mean several builtins or the solution's."""
        if len(self._meant) < 2:  # noqa: PLR2004 - one is what the task is about
            return ""
        names = ", ".join(sorted(self._meant))
        return (
            f"{names} are builtins and the solution's: say which is meant, with from solution import {names}"
        )

    def begin(self, module: types.ModuleType) -> None:
        """Fill the module of the tests; it is found by its name only where that may matter."""
        names = vars(module)
        names.update(self._names)
        names["__builtins__"] = dict(vars(builtins))
        if self._found_by_name or self._pin is None:
            sys.modules[module.__name__] = module
        if self._pin is not None:
            self._pin(names, "__builtins__")
            self._pin(names["__builtins__"], *names["__builtins__"])
            case = sys.modules.get("unittest.case")
            if case is not None:
                # It would have unittest forget a case, and nothing here has a use for it.
                vars(case)["_ShouldStop"] = ()
                self._pin(vars(case), "_ShouldStop")
            for name in sorted(self._relied_on):
                if name in sys.modules:
                    self._pin_module(sys.modules[name], self._pin)

    def run(self, code: types.CodeType, names: dict[str, Untyped], node: ast.stmt) -> None:
        """Run one statement."""
        before = dict(names) if takes_all(node, self._own) else None
        exec(bake(code, self._helpers), names)  # noqa: S102 - the purpose of this room
        bound = set(bound_by(node))
        if before is not None:
            self._put_back(names, before, bound)
        self._bound |= bound
        for name in bound:
            # What else there is might be an object whose end the tests are about.
            kept = isinstance(names.get(name), _LASTING) or isinstance(node, (*FUNCTIONS, ast.ClassDef))
            self.made[name] = names.get(name) if kept else None
            if kept and self._pin is not None and name in self._once:
                self._pin(names, name)
                self._pin_tests_of(names[name])

    def _may_give(self, name: str) -> bool:
        return name not in _BUILTINS or name in self._meant

    def _put_back(self, names: dict[str, Untyped], before: dict[str, Untyped], bound: set[str]) -> None:
        """Let `import *` of the solution replace neither a builtin nor what the tests have of their own."""
        for name in [each for each in names if each not in bound]:
            if name in self._bound and name in before:
                names[name] = before[name]
            elif not self._may_give(name):
                del names[name]

    @staticmethod
    def _pin_module(module: types.ModuleType, pin: Pin) -> None:
        """Keep a module's functions and classes as they are, and what is in those of its own."""
        holder = vars(module)
        pin(holder, *[name for name, value in holder.items() if isinstance(value, _MADE)])
        for kind in list(holder.values()):
            if isinstance(kind, type) and kind.__module__ == module.__name__:
                pin(vars(kind), *[name for name, value in vars(kind).items() if isinstance(value, _MADE)])

    def _pin_tests_of(self, value: Untyped) -> None:
        if isinstance(value, type) and self._pin is not None:
            for name in vars(value):
                if name.startswith("test"):
                    self._pin(vars(value), name)


def _relied_on(tree: ast.Module, imports: set[str]) -> frozenset[str]:
    """The modules that only the solution would change: what runs tests, and what they import of the library.

    Tests that change modules themselves get no more than the first.
    """
    words = {getattr(part, "id", getattr(part, "attr", getattr(part, "arg", ""))) for part in ast.walk(tree)}
    if words & _CHANGING:
        return _RUNNING
    return _RUNNING | (imports & HARMLESS)


def _is_found_by_name(tree: ast.Module) -> bool:
    """Whether somebody may look for what the tests define by the name of their module."""
    if any(not is_test(name, node) for name, node in definitions(tree.body)):
        return True
    for part in ast.walk(tree):
        if isinstance(part, ast.ClassDef) and part not in tree.body:
            return True
        name = getattr(part, "id", getattr(part, "attr", getattr(part, "module", None)))
        if name in _BY_NAME or (isinstance(part, ast.alias) and part.name.split(".")[0] in _BY_NAME):
            return True
        if isinstance(part, FUNCTIONS) and part.name in _BY_NAME:
            return True
    return False
