"""Python, cut at its functions and classes."""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING, Final

from memory.archives.chunks import MAX_CHARS
from memory.archives.document import Document, Section, lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFIXES: Final = frozenset({".py", ".pyi"})

MAX_PARSED: Final = 1_000_000
"""A longer text is cut at blank lines alone: a syntax tree takes several hundred times its size."""

_DEPTH = 4
"""Classes in classes are cut this deep."""

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def read_python(text: str) -> Document:
    """Read a module; each function and class begins a section, and so does what follows it.

    A class that is too long for one chunk is cut at its methods. What is not Python of this interpreter's
    version is cut at blank lines alone.
    """
    lines = lines_of(text)
    if len(text) > MAX_PARSED:
        return Document(lines)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Document(lines)
    sections = {0: Section(0)}
    for section in _Cutter(lines).cut(tree.body, "", _DEPTH):
        sections[section.start] = section
    return Document(lines, [sections[start] for start in sorted(sections)])


class _Cutter:
    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    def cut(self, body: Sequence[ast.stmt], name: str, depth: int) -> list[Section]:
        """The sections of a module's or a class's body."""
        found: list[Section] = []
        was_definition, free_from = False, body[0].lineno - 1 if body else 0
        for node in body:
            if isinstance(node, _Definition):
                full = f"{name}.{node.name}" if name else node.name
                kind = "class" if isinstance(node, ast.ClassDef) else "def"
                found.append(Section(self._start(node, free_from), f"{kind} {full}"))
                if isinstance(node, ast.ClassDef) and depth and self._is_long(node):
                    found += self.cut(node.body, full, depth - 1)
            elif was_definition:
                found.append(Section(self._start(node, free_from), name))
            was_definition = isinstance(node, _Definition)
            free_from = node.end_lineno or node.lineno
        return found

    def _start(self, node: ast.stmt, free_from: int) -> int:
        """The line, counted from 0, where a statement begins, with its decorators and comments above."""
        decorators = node.decorator_list if isinstance(node, _Definition) else []
        start = min([node.lineno, *(each.lineno for each in decorators)]) - 1
        while start > free_from and self._lines[start - 1].lstrip().startswith("#"):
            start -= 1
        return max(start, 0)

    def _is_long(self, node: ast.ClassDef) -> bool:
        end = node.end_lineno or node.lineno
        return sum(len(line) + 1 for line in self._lines[node.lineno - 1 : end]) > MAX_CHARS
