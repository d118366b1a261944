"""Jupyter notebooks: the source of each cell, and the beginning of what it printed."""

from __future__ import annotations

import json
from typing import Any, Final

from memory.archives.document import Document, NotReadableError, Section, lines_of

SUFFIXES: Final = frozenset({".ipynb"})

MAX_OUTPUT_CHARS: Final = 500
"""So much of what a cell printed is kept; pictures and HTML never are."""


def read_notebook(text: str) -> Document:
    """Read a notebook; each cell is a section, and its lines are cited by the cell's number.

    Raises:
        NotReadableError: When it is no notebook of format 4.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise NotReadableError("is no notebook: it does not hold JSON") from None
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list):
        raise NotReadableError("is no notebook of format 4: open it in Jupyter and save it")
    lines: list[str] = []
    numbers: list[int] = []
    sections: list[Section] = []
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict):
            continue
        shown = [*lines_of(_joined(cell.get("source"))), *_printed(cell)]
        sections.append(Section(len(lines)))
        lines += shown
        numbers += [number] * len(shown)
    return Document(lines, sections or (Section(0),), numbers)


def _printed(cell: dict[str, Any]) -> list[str]:
    """The first lines that a code cell printed or gave."""
    outputs = cell.get("outputs")
    texts = []
    for output in outputs if isinstance(outputs, list) else []:
        if isinstance(output, dict):
            data = output.get("data")
            texts.append(
                _joined(output.get("text"))
                or _joined(data.get("text/plain") if isinstance(data, dict) else "")
            )
    printed = "\n".join(filter(None, texts)).strip()[:MAX_OUTPUT_CHARS]
    return ["", *lines_of(printed)] if printed else []


def _joined(value: object) -> str:
    """A notebook's text: one string or a list of lines."""
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""
