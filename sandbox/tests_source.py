"""Checking the user's tests before any model is asked, so that a typo in them is not blamed on code."""

import ast
import warnings
from importlib.machinery import PathFinder

from sandbox.doctests import DoctestError, from_doctests, has_doctests
from sandbox.inside.looking import finds_test, imports_pytest, without_main
from sandbox.interpreter import site_folders

_LARGEST = 1 << 20
_DEEPEST_BRACKETS = 150


class TestsError(ValueError):
    """The tests themselves cannot be used."""

    # Not a class of tests, whatever its name says.
    __test__ = False


def check_tests(source: str, *, name: str) -> None:
    """Check that test source can be used at all. It is parsed and compiled, never run.

    Args:
        source: Python source.
        name: The file's name or another word for it, for the message.

    Raises:
        TestsError: When it is empty, does not compile, holds no test, or needs pytest where there is none.
            Doctests count as tests.
    """
    if not source.strip():
        raise TestsError(f"{name} is empty: write at least one assert or test function.")
    if len(source) > _LARGEST:
        raise TestsError(f"{name} holds {len(source)} characters: use at most {_LARGEST}.")
    if _nesting(source) > _DEEPEST_BRACKETS:
        raise TestsError(f"{name} nests brackets deeper than {_DEEPEST_BRACKETS} levels: simplify it.")
    try:
        source = python_tests(source)
    except DoctestError as error:
        raise TestsError(f"{name}, {error}; mend the tests.") from error
    tree = _compiled(source, name)
    if not tree.body:
        raise TestsError(f"{name} holds only comments: write at least one assert or test function.")
    if not finds_test(without_main(tree)):
        raise TestsError(f"{name} holds no test: write at least one assert or test function.")
    if imports_pytest(tree) and not has_pytest():
        raise TestsError(f"{name} imports pytest, which is not installed here: pip install pytest.")


def python_tests(source: str) -> str:
    """The tests as Python source: doctests are turned into asserts, everything else stays as it is.

    Doctests are a text with prompts (`>>> f(2)`) that is no Python, or the docstrings of Python source that
    holds no other test. Of such a source only its imports are kept: what it defines is not the solution.

    Raises:
        DoctestError: When a doctest cannot be read.
    """
    if not has_doctests(source):
        return source
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, RecursionError, MemoryError, ValueError, OverflowError):
        return from_doctests(source)
    if finds_test(without_main(tree)):
        return source
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, documented)]
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join([*imports, from_doctests("\n\n".join(texts))])


def _compiled(source: str, name: str) -> ast.Module:
    if "\0" in source:
        raise TestsError(f"{name}, line {_line_of(source, source.index(chr(0)))}: remove the NUL character.")
    try:
        source.encode()
    except UnicodeEncodeError as error:
        number = _line_of(source, error.start)
        raise TestsError(f"{name}, line {number}: remove the half surrogate pair.") from error
    try:
        with warnings.catch_warnings():
            # A doubtful escape in the tests is no business of the program that reads them.
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
            compile(source, "<tests>", "exec", dont_inherit=True)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise TestsError(f"{name}{line}: {error.msg}; mend the tests.") from error
    except (RecursionError, MemoryError, ValueError, OverflowError) as error:
        raise TestsError(f"{name} cannot be parsed ({type(error).__name__}): simplify it.") from error
    return tree


def _line_of(source: str, index: int) -> int:
    return source.count("\n", 0, index) + 1


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
