"""Tests that skip themselves where a module is not installed, as `pytest.importorskip` at their top does."""

import ast
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder

from sandbox.claims import parse
from sandbox.evidence import Check, Evidence, SourceFile
from sandbox.interpreter import site_folders
from sandbox.layout import source_root


def skipped(
    name: str, source: str, files: Sequence[SourceFile], packages: Sequence[str] = ()
) -> Check | None:
    """The check of tests that would skip themselves as a whole, else nothing.

    Args:
        name: `tests`, or `acceptance`, which is not required then.
        source: Their source.
        files: The solution; what a module of its own is missing for is a failure.
        packages: Folders of installed packages beside the interpreter's own.
    """
    tree = parse(source) if "importorskip" in source else None
    if tree is None:
        return None
    root = source_root(files, source)
    own = {file.path.removeprefix(root).split("/")[0].removesuffix(".py") for file in files}
    for module in _wanted(tree):
        top = module.split(".")[0]
        if top in own or top in sys.stdlib_module_names or top == "solution":
            continue
        if PathFinder.find_spec(top, [*site_folders(), *packages]) is None:
            why = f"not executed: they skip themselves, because {top} is not installed here"
            return Check(name=name, passed=False, executed=False, required=name == "tests", detail=why)
    return None


def with_skipped(evidence: Evidence, checks: Sequence[Check]) -> Evidence:
    """Evidence with checks that were asked for and could not run: no proof, and no failure."""
    evidence = evidence.model_copy(update={"checks": [*evidence.checks, *checks]})
    wanted = [check for check in checks if check.required]
    if not wanted or evidence.status != "verified":
        return evidence
    reason = f"{wanted[0].name}: {wanted[0].detail.removeprefix('not executed: ')}"
    return evidence.model_copy(update={"status": "not_executed", "reason": reason})


def _wanted(tree: ast.Module) -> Iterator[str]:
    """The modules that statements of the module ask `importorskip` for."""
    for node in tree.body:
        call = node.value if isinstance(node, ast.Expr | ast.Assign) else None
        if not isinstance(call, ast.Call) or not call.args or not isinstance(call.args[0], ast.Constant):
            continue
        name = ast.unparse(call.func)
        if name in ("pytest.importorskip", "importorskip") and isinstance(call.args[0].value, str):
            yield call.args[0].value
