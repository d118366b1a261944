"""Running one source of tests, case by case."""

from __future__ import annotations

import ast
import sys
from types import AsyncGeneratorType, GeneratorType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, TypeAlias

    from sandbox.inside.given import Given
    from sandbox.inside.judging import GENERATOR, NOTHING_RAN, Judge
    from sandbox.inside.looking import (
        FUNCTIONS,
        definitions,
        depends_on_machine,
        has_assert,
        is_test,
        raises_when_wrong,
    )
    from sandbox.inside.pytest_cases import run_pytest
    from sandbox.inside.rewriting import title
    from sandbox.inside.sharing import Look
    from sandbox.inside.unittest_cases import run_unittest

    Untyped: TypeAlias = Any  # what the test source made
else:
    from judging import GENERATOR, NOTHING_RAN
    from looking import (
        FUNCTIONS,
        definitions,
        depends_on_machine,
        has_assert,
        is_test,
        raises_when_wrong,
    )
    from pytest_cases import run_pytest
    from rewriting import title
    from unittest_cases import run_unittest


class Runner:
    """Decides the cases of one test source."""

    def __init__(self, step: str, judge: Judge, given: Given, folder: str, look: Look | None = None) -> None:
        """Run tests with what they are given.

        Args:
            step: `tests` or `acceptance`.
            judge: Decides the cases.
            given: The names that they see.
            folder: The scratch folder.
            look: Tells which cases need the solution in their own process, when it is not in this one.
        """
        self._look = look
        self._step = step
        self._judge = judge
        self._folder = folder
        self._given = given

    @staticmethod
    def wants_fixtures(tree: ast.Module) -> bool:
        """Whether a test function has a parameter, which only pytest can fill."""
        return any(
            isinstance(node, FUNCTIONS)
            and node.name.startswith("test")
            and len(node.args.args) + len(node.args.posonlyargs) > len(node.args.defaults)
            for node in tree.body
        )

    def run_tree(self, tree: ast.Module, original: ast.Module) -> None:
        """Run statements one by one, then the test functions and classes they defined."""
        module = type(sys)(f"duograph_{self._step}")
        if not self._statements(tree, original, module):
            return
        done = set()
        for name, before in definitions(original.body):
            made = self._given.made.get(name)
            # A later definition of the same name has replaced the earlier one.
            if name in done or not is_test(name, before):
                continue
            done.add(name)
            if isinstance(before, ast.ClassDef):
                self._class(before, made)
            elif made is not None and self._shares(name):
                self._judge.defer(name)
            elif made is not None:
                self._function(name, made)

    def run_pytest(self, tree: ast.Module, original: ast.Module) -> None:
        """Run the statements inside a module that pytest imports, and what they defined through pytest."""
        try:
            run_pytest(
                lambda module: self._statements(tree, original, module),
                self._judge,
                self._folder,
                self._shares,
                self._given.made,
            )
        except BaseException as error:  # noqa: BLE001
            self._judge.broke("pytest", self._judge.detail("pytest", error))

    def _shares(self, name: str) -> bool:
        return self._look is not None and self._look.shares(name)

    def _shares_statement(self, node: ast.stmt) -> bool:
        """Whether an assert of the module is a case for later."""
        return self._look is not None and isinstance(node, ast.Assert) and self._look.statement(node)

    def _statements(self, tree: ast.Module, original: ast.Module, module: ModuleType) -> bool:
        """Run the module's statements.

        Returns:
            Whether the end was reached.
        """
        given, names = self._given, vars(module)
        given.begin(module)
        flags = _future_flags(original)
        for number, (node, before) in enumerate(zip(tree.body, original.body, strict=True)):
            is_assert = isinstance(before, ast.Assert)
            name = title(before.test) if isinstance(before, ast.Assert) else title(before, 80)
            key = f"#{number}"
            if self._shares_statement(before):
                self._judge.defer(name, key)
                continue
            try:
                code = compile(ast.Module([node], []), f"<{self._step}>", "exec", flags, dont_inherit=True)
                self._judge.start(name, key)
                given.run(code, names, before)
            except BaseException as error:  # noqa: BLE001 - SystemExit and worse fail the case too
                if not has_assert(before):
                    self._judge.broke(name, self._judge.detail(name, error))
                    return False
                self._judge.failed(name, error)
                if not is_assert:
                    # What follows could not run either.
                    self._judge.rest |= key in self._judge.deferred
                    return False
            else:
                self._came_back(name, before)
        return True

    def _came_back(self, name: str, before: ast.stmt) -> None:
        """Decide a statement of the module that ended without an error."""
        tally = self._judge.tally
        if isinstance(before, (*FUNCTIONS, ast.ClassDef)):
            return
        tally.count += raises_when_wrong(before)
        if tally.count or tally.failure or (has_assert(before) and not depends_on_machine(before)):
            self._judge.came_back(name)

    def _function(self, name: str, function: Untyped) -> None:
        self._judge.start(name)
        try:
            outcome = function()
            if hasattr(outcome, "__await__"):
                import asyncio  # noqa: PLC0415 - only asynchronous tests need it

                asyncio.run(outcome)
        except BaseException as error:  # noqa: BLE001
            self._judge.failed(name, error)
        else:
            generator = isinstance(outcome, (GeneratorType, AsyncGeneratorType))
            if generator:
                self._judge.tally.count = 0
            self._judge.came_back(name, GENERATOR if generator else NOTHING_RAN)

    def _class(self, node: ast.ClassDef, kind: Untyped) -> None:
        if not isinstance(kind, type):
            return
        unittest = sys.modules.get("unittest")
        if unittest is not None and issubclass(kind, unittest.TestCase):
            run_unittest(kind, unittest, self._judge, defer=self._shares(node.name))
        elif node.name.startswith("Test"):
            for part in node.body:
                if isinstance(part, FUNCTIONS) and part.name.startswith("test"):
                    name = f"{node.name}.{part.name}"
                    if self._shares(node.name):
                        self._judge.defer(name)
                    else:
                        self._function(name, self._bound(kind, part.name))

    @staticmethod
    def _bound(kind: Untyped, name: str) -> Untyped:
        def call() -> object:
            instance = kind()
            setup = getattr(instance, "setup_method", None)
            if setup is not None:
                setup()
            return getattr(instance, name)()

        return call


def _future_flags(tree: ast.Module) -> int:
    import __future__  # noqa: PLC0415 - a module of constants

    names = [
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    ]
    return sum(getattr(__future__, name).compiler_flag for name in names)
