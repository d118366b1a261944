"""The types step: runs mypy over files that nobody trusts, without any configuration of theirs."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import sys
import tokenize
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SWITCHES = re.compile(r"#\s*(?:type\s*:\s*ignore|mypy\s*:)")
_TWO_FACED = ("TYPE_CHECKING", "MYPY")
_MOST = 300
"""Lines of findings that are printed."""


def main(site: str, root: str, *options: str) -> None:
    """Check the files that standard input names, one a line, and print a JSON object for each finding.

    Args:
        site: Folders of installed packages, joined as in `PATH`; mypy is in one of them.
        root: The folder in which the modules are, if it is not this one.
        *options: mypy's.
    """
    # Read before mypy is imported, so that nothing of the solution's folder is ever on the path.
    sys.path.extend(site.split(os.pathsep))
    lines = [line for line in sys.stdin.buffer.read().decode().split("\n") if line]
    # mypy finds stubs by itself.
    files, stubs = [[line for line in lines if line.endswith(suffix)] for suffix in (".py", ".pyi")]
    findings = [finding for file in files for look in (switched_off, two_faced) for finding in look(file)]
    findings += [finding for stub in stubs for finding in stands_for_another(stub)]
    os.environ["MYPYPATH"] = root
    # mypy counts processors with it, and it reads what nobody may read here.
    sys.modules["psutil"] = None  # type: ignore[assignment]
    from mypy import api  # noqa: PLC0415 - only now there is a path to it

    out, err, code = api.run([*options, "--output=json", "--no-error-summary", "--", *files])
    found = [*map(json.dumps, findings), *out.splitlines()]
    sys.stdout.write("".join(f"{line}\n" for line in found[:_MOST]))
    sys.stderr.write(err)
    sys.exit(code or int(bool(findings)))


def switched_off(file: str) -> Iterator[dict[str, object]]:
    """The places where a file tells the type checker to look away."""
    with open(file, "rb") as source:  # noqa: PTH123 - as the other scripts here
        text = source.read()
    try:
        for token in tokenize.tokenize(io.BytesIO(text).readline):
            comment = token.type == tokenize.COMMENT and _SWITCHES.match(token.string)
            if comment or (token.type == tokenize.NAME and token.string == "no_type_check"):
                message = f"{token.string[:60]!r} switches the type checker off: remove it"
                yield _finding(file, token.start[0], "switched-off", message)
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):
        return  # mypy will say so


def two_faced(file: str) -> Iterator[dict[str, object]]:
    """The definitions and values that only the type checker sees, or only a run; imports may differ."""
    with open(file, "rb") as source:  # noqa: PTH123 - as the other scripts here
        text = source.read()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # mypy will say so
    names = {*_TWO_FACED, *_other_names(tree)}
    allowed = {id(part) for node in ast.walk(tree) for part in _may_ask(node)}
    for part in ast.walk(tree):
        read = isinstance(getattr(part, "ctx", None), ast.Load)
        if read and _last_name(part) in names and id(part) not in allowed:
            message = f"what {_last_name(part)} decides is not what runs: let only imports depend on it"
            yield _finding(file, getattr(part, "lineno", 1), "two-faced", message)


def _may_ask(node: ast.AST) -> Iterator[ast.AST]:
    """What of a statement may name the two: the test of an `if` that only imports, or another name for it."""
    if isinstance(node, ast.If) and _is_harmless(node):
        yield from ast.walk(node.test)
    elif isinstance(node, ast.Assign) and _last_name(node.value):
        yield node.value


def _other_names(tree: ast.Module) -> Iterator[str]:
    """What else the two are called here."""
    for part in ast.walk(tree):
        if isinstance(part, ast.ImportFrom):
            yield from (alias.asname for alias in part.names if alias.name in _TWO_FACED and alias.asname)
        elif isinstance(part, ast.Assign) and _last_name(part.value) in _TWO_FACED:
            yield from (target.id for target in part.targets if isinstance(target, ast.Name))


def _last_name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_harmless(node: ast.stmt) -> bool:
    """Whether a statement does no more than import, or give a name to what is there."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass)):
        return True
    if isinstance(node, (ast.If, ast.Try)):
        inner = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt)]
        inner += [each for handler in getattr(node, "handlers", ()) for each in handler.body]
        return all(_is_harmless(each) for each in inner)
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    named = all(isinstance(target, ast.Name) for target in targets)
    return named and not any(isinstance(part, ast.Lambda) for part in ast.walk(node))


def stands_for_another(stub: str) -> Iterator[dict[str, object]]:
    """A stub in the place of one of the standard library or of an installed package."""
    root = stub.removeprefix("./").split("/")[0].removesuffix(".pyi")
    name = root.removesuffix("-stubs")
    if name in sys.stdlib_module_names or name != root or _is_installed(name):
        message = f"a stub that stands for the installed module {name}: remove it"
        yield _finding(stub, 1, "shadowing-stub", message)


def _is_installed(name: str) -> bool:
    try:
        return PathFinder.find_spec(name, [path for path in sys.path if path]) is not None
    except (ImportError, ValueError):
        return False


def _finding(file: str, line: int, code: str, message: str) -> dict[str, object]:
    return {"file": file, "line": line, "code": code, "severity": "error", "message": message}
