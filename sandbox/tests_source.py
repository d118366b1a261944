"""Checking the user's tests before any model is asked, so that a typo in them is not blamed on code."""

import ast
from importlib.machinery import PathFinder

from sandbox.interpreter import site_folders

_LARGEST = 1 << 20
_DEEPEST_BRACKETS = 150


class TestsError(ValueError):
    """The tests themselves cannot be used."""

    # Not a class of tests, whatever its name says.
    __test__ = False


def check_tests(source: str, *, name: str) -> None:
    """Check that test source can be used at all. It is parsed, never run.

    Args:
        source: Python source.
        name: The file's name or another word for it, for the message.

    Raises:
        TestsError: When it is empty, does not parse, or needs pytest where there is none.
    """
    if not source.strip():
        raise TestsError(f"{name} is empty: write at least one assert or test function")
    if len(source) > _LARGEST:
        raise TestsError(f"{name} holds {len(source)} characters: use at most {_LARGEST}")
    if _nesting(source) > _DEEPEST_BRACKETS:
        raise TestsError(f"{name} nests brackets deeper than {_DEEPEST_BRACKETS} levels: simplify it")
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise TestsError(f"{name}, line {error.lineno}: {error.msg}") from error
    except (RecursionError, MemoryError, ValueError, OverflowError) as error:
        raise TestsError(f"{name} cannot be parsed: {type(error).__name__} {error}") from error
    if not tree.body:
        raise TestsError(f"{name} holds only comments: write at least one assert or test function")
    if imports_pytest(tree) and not has_pytest():
        raise TestsError(f"{name} imports pytest, which is not installed here: pip install pytest")


def imports_pytest(tree: ast.AST) -> bool:
    """Whether the source imports pytest anywhere."""
    return any(
        (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "pytest" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pytest")
        for node in ast.walk(tree)
    )


def has_pytest() -> bool:
    """Whether the interpreter of the sandbox can import pytest."""
    return PathFinder.find_spec("pytest", site_folders()) is not None


def _nesting(source: str) -> int:
    """The deepest nesting of brackets, counted roughly: those in strings count too."""
    depth = deepest = 0
    for char in source:
        if char in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in ")]}":
            depth = max(0, depth - 1)
    return deepest
