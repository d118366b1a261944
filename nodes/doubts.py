"""Which generated tests may be wrong themselves, from what the candidates of the turn failed at."""

import ast
import hashlib
import warnings
from collections.abc import Sequence

from nodes.turn import Turn
from sandbox.evidence import Evidence, SourceFile


def shape(files: Sequence[SourceFile]) -> str:
    """A name for what files do: comments, layout and docstrings make no difference."""
    texts = [f"{file.path}\0{_tree(file)}" for file in sorted(files, key=lambda file: file.path)]
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def with_misses(state: Turn, evidence: Evidence) -> dict[str, dict[str, str]]:
    """What the turn knows after one more verification: by candidate, the generated tests that it failed.

    Counted are candidates that reached the generated tests and failed nothing else.
    """
    misses = dict[str, dict[str, str]](state.get("misses", {}))
    check = next((check for check in evidence.checks if check.name == "acceptance"), None)
    if check is None or evidence.failure not in (None, check):
        return misses
    misses[shape(state.get("files", []))] = {
        case.name: case.detail
        for case in check.cases
        if not case.passed and case.detail  # what was never run has no detail
    }
    return misses


def doubted(state: Turn) -> dict[str, str]:
    """The generated tests that every different candidate failed, one of them failing nothing else.

    When the candidate at hand fails exactly these in the same way, the tests are to blame.
    """
    here = shape(state.get("files", []))
    others = [failed for name, failed in state.get("misses", {}).items() if name != here]
    if not others:
        return {}
    common = dict(set.intersection(*(set(failed.items()) for failed in others)))
    return common if common in others else {}


def _tree(file: SourceFile) -> str:
    """A file's syntax tree without docstrings, or its text when it is no Python."""
    if not file.path.endswith(".py"):
        return file.content
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(file.content)
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                node.body = [part for part in node.body if not _is_text(part)]
        return ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return file.content


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
