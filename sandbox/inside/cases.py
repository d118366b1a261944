"""Running one source of tests, case by case."""

from __future__ import annotations

import ast
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from sandbox.inside.asserts import title
    from sandbox.inside.describing import describe
    from sandbox.inside.pytest_cases import run_pytest
    from sandbox.inside.records import Report
    from sandbox.inside.unittest_cases import run_unittest

    Untyped: TypeAlias = Any  # what the test source made
else:
    from asserts import title
    from describing import describe
    from pytest_cases import run_pytest
    from unittest_cases import run_unittest

_SILENT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Runner:
    """Decides the cases of one test source."""

    def __init__(self, step: str, report: Report, names: dict[str, Any], folder: str) -> None:
        """Give tests the solution's names."""
        self._step = step
        self._report = report
        self._folder = folder
        self._module = type(sys)(f"duograph_{step}")
        self._names = vars(self._module)
        self._names.update(names)

    @staticmethod
    def wants_fixtures(tree: ast.Module) -> bool:
        """Whether a test function has a parameter, which only pytest can fill."""
        return any(
            isinstance(node, _FUNCTIONS)
            and node.name.startswith("test")
            and len(node.args.args) + len(node.args.posonlyargs) > len(node.args.defaults)
            for node in tree.body
        )

    def run_tree(self, tree: ast.Module, original: ast.Module) -> None:
        """Run statements one by one, then the test functions and classes they defined."""
        sys.modules[self._module.__name__] = self._module
        flags = _future_flags(original)
        for node, before in zip(tree.body, original.body, strict=True):
            is_assert = isinstance(before, ast.Assert)
            name = title(before.test) if isinstance(before, ast.Assert) else title(before, 80)
            try:
                code = compile(ast.Module([node], []), f"<{self._step}>", "exec", flags, dont_inherit=True)
                self._report.trying(name)
                exec(code, self._names)  # noqa: S102 - the purpose of this room
            except BaseException as error:  # noqa: BLE001 - SystemExit and worse fail the case too
                self._failed(name, error)
                if not is_assert:
                    return
            else:
                if is_assert or _checks_inside(before):
                    self._report.case(name, passed=True)
        for before in original.body:
            if isinstance(before, _FUNCTIONS) and before.name.startswith("test"):
                self._function(before.name, self._names.get(before.name))
            elif isinstance(before, ast.ClassDef):
                self._class(before, self._names.get(before.name))

    def run_pytest(self, source: str, tree: ast.Module, names: dict[str, Untyped]) -> None:
        """Run the source through pytest."""
        try:
            run_pytest(source, tree, names, self._report, self._folder)
        except BaseException as error:  # noqa: BLE001
            self._failed("pytest", error)

    def _failed(self, name: str, error: BaseException) -> None:
        if isinstance(error, AssertionError) and error.args and isinstance(error.args[0], str):
            self._report.case(name, passed=False, detail=error.args[0])
        else:
            self._report.case(name, passed=False, detail=f"{name}: {describe(error, self._folder)}")

    def _function(self, name: str, function: Untyped) -> None:
        self._report.trying(name)
        try:
            outcome = function()
            if hasattr(outcome, "__await__"):
                import asyncio  # noqa: PLC0415 - only asynchronous tests need it

                asyncio.run(outcome)
        except BaseException as error:  # noqa: BLE001
            self._failed(name, error)
        else:
            self._report.case(name, passed=True)

    def _class(self, node: ast.ClassDef, kind: Untyped) -> None:
        if not isinstance(kind, type):
            return
        unittest = sys.modules.get("unittest")
        if unittest is not None and issubclass(kind, unittest.TestCase):
            run_unittest(kind, unittest, self._report, self._failed)
        elif node.name.startswith("Test"):
            for part in node.body:
                if isinstance(part, _FUNCTIONS) and part.name.startswith("test"):
                    self._function(f"{node.name}.{part.name}", self._bound(kind, part.name))

    @staticmethod
    def _bound(kind: Untyped, name: str) -> Untyped:
        def call() -> object:
            instance = kind()
            setup = getattr(instance, "setup_method", None)
            if setup is not None:
                setup()
            return getattr(instance, name)()

        return call


def _checks_inside(node: ast.stmt) -> bool:
    """Whether a statement such as a loop holds an assert that runs as it runs."""
    if isinstance(node, _SILENT):
        return False
    return any(isinstance(part, ast.Assert) for part in ast.walk(node))


def _future_flags(tree: ast.Module) -> int:
    import __future__  # noqa: PLC0415 - a module of constants

    names = [
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    ]
    return sum(getattr(__future__, name).compiler_flag for name in names)
