"""Where a chunk comes from, as an answer cites it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memory.records import Record

_UNITS = {".pdf": ("page", "pages"), ".ipynb": ("cell", "cells")}


def place(record: Record) -> str:
    """Say where a chunk is: `guide.md:3-17`, `report.pdf, page 3`, `study.ipynb, cells 2-4`.

    Args:
        record: A chunk; of anything else there is no place, and the text is empty.
    """
    if not record.path or not record.first_line:
        return record.path
    first, last = record.first_line, record.last_line
    numbers = str(first) if first == last else f"{first}-{last}"
    one, several = _UNITS.get(PurePosixPath(record.path).suffix.lower(), ("", ""))
    return (
        f"{record.path}, {one if first == last else several} {numbers}" if one else f"{record.path}:{numbers}"
    )
