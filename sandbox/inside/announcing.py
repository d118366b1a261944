"""What the tests' own source leaves out: skipped, or expected to fail. Nobody else may say so."""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from sandbox.inside.looking import definitions
else:
    from looking import definitions

_WORDS = frozenset(
    """
    skip skipif xfail importorskip skipIf skipUnless skipTest SkipTest expectedFailure
    """.split()  # noqa: SIM905 - a list of words
)
_EVERYWHERE = ("pytestmark", "setUpModule", "setup_module", "setup_function", "pytest_generate_tests")


class Announced:
    """Knows which tests may turn out to be no case."""

    def __init__(self, tree: ast.Module, trusted: tuple[str, ...]) -> None:
        """Look at test source; code lies in `trusted` places if it is not the solution's."""
        self._trusted = trusted
        self._bound: dict[str, list[ast.AST]] = {}
        for name, node in definitions(tree.body):
            self._bound.setdefault(name, []).append(node)
        for node in tree.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for part in (part for target in targets for part in ast.walk(target)):
                    if isinstance(part, ast.Name):
                        self._bound.setdefault(part.id, []).append(node.value)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if alias.name in _WORDS:
                        self._bound.setdefault(alias.asname or alias.name, []).append(ast.Name(alias.name))
        self._fixtures = [node for nodes in self._bound.values() for node in nodes if _is_automatic(node)]

    def skips(self, name: str) -> bool:
        """Whether a test's source, or what it names, says that it may be left out."""
        parts = name.partition("[")[0].replace("::", ".").split(".")
        nodes = [node for part in parts[:1] for node in self._bound.get(part, ())]
        if len(parts) > 1:
            nodes = [part for node in nodes for part in self._of_class(node, parts[1])]
        nodes += [node for each in _EVERYWHERE for node in self._bound.get(each, ())]
        return self._mentions([*nodes, *self._fixtures])

    def by_source(self, error: BaseException) -> bool:
        """Whether no code of the solution had a part in raising an error."""
        step: TracebackType | None = error.__traceback__
        while step is not None:
            if not step.tb_frame.f_code.co_filename.startswith(self._trusted):
                return False
            step = step.tb_next
        return True

    def _of_class(self, node: ast.AST, method: str) -> Iterator[ast.AST]:
        """What of a class is about all of its tests, or about one."""
        if not isinstance(node, ast.ClassDef):
            yield node
            return
        yield from node.decorator_list
        for part in node.body:
            name = getattr(part, "name", "")
            if name == method or not name.startswith("test"):
                yield part
        for base in node.bases:
            for each in self._bound.get(base.id, ()) if isinstance(base, ast.Name) else ():
                yield from self._of_class(each, method)

    def _mentions(self, nodes: list[ast.AST]) -> bool:
        seen: set[str] = set()
        waiting = list(nodes)
        while waiting:
            for part in ast.walk(waiting.pop()):
                name = getattr(part, "id", getattr(part, "attr", getattr(part, "arg", None)))
                if name in _WORDS:
                    return True
                if isinstance(part, (ast.Name, ast.arg)) and isinstance(name, str) and name not in seen:
                    seen.add(name)
                    waiting += self._bound.get(name, ())
        return False


def _is_automatic(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.keyword) and part.arg == "autouse"
        for each in getattr(node, "decorator_list", ())
        for part in ast.walk(each)
    )
