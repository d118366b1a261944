"""Which generated tests may be wrong themselves, from what the candidates of the turn failed at."""

import ast
import hashlib
import warnings
from collections.abc import Sequence

from nodes.turn import Turn
from sandbox.evidence import Evidence, SourceFile


def shape(files: Sequence[SourceFile]) -> str:
    """A name for what files do: comments, layout, docstrings and names of variables make no difference."""
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

    And that the diagnosis calls wrong, since two candidates may be wrong in the same way. When the
    candidate at hand fails exactly these in the same way, the tests are to blame.
    """
    diagnosis = state.get("diagnosis")
    if diagnosis is None:
        return {}
    here = shape(state.get("files", []))
    others = [failed for name, failed in state.get("misses", {}).items() if name != here]
    if not others:
        return {}
    common = dict(set.intersection(*(set(failed.items()) for failed in others)))
    return common if common in others and all(map(diagnosis.calls_wrong, common)) else {}


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
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                _rename(node)
        return ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return file.content


def _rename(function: ast.AST) -> None:
    """Number a function's parameters and variables in the order of their appearance."""
    parts = list(ast.walk(function))
    bound = dict[str, str]()
    for part in parts:
        if isinstance(part, ast.arg):
            bound.setdefault(part.arg, f"v{len(bound)}")
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            bound.setdefault(part.id, f"v{len(bound)}")
    for part in parts:
        if isinstance(part, ast.arg):
            part.arg = bound[part.arg]
        elif isinstance(part, ast.Name):
            part.id = bound.get(part.id, part.id)


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
