"""PDF, page by page, read by a process that time and memory are cut for."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from memory.archives.document import Document, NotReadableError, Section, lines_of

if TYPE_CHECKING:
    from asyncio.subprocess import Process

SUFFIXES: Final = frozenset({".pdf"})

MAX_SECONDS: Final = 60
"""So long may one PDF take, in seconds."""

_PROGRAM = Path(__file__).with_name("pdf_pages.py")
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH")
"""What the process is given: whoever reads a stranger's file needs none of our keys."""

_REASONS = {
    3: "is encrypted: save it without a password",
    4: "unfolds to more text than a book holds",
    5: "is damaged, or takes more time or memory than it is given",
}


async def read_pdf(data: bytes, *, seconds: int = MAX_SECONDS) -> Document:
    """Read a PDF; each page is a section, and its lines are cited by the page's number.

    Args:
        data: The file.
        seconds: How long that may take.

    Raises:
        NotReadableError: When pypdf is missing, or the file is damaged, encrypted, or takes too much.
    """
    if find_spec("pypdf") is None:
        raise NotReadableError("needs the package pypdf; run: pip install 'duograph[pdf]'", is_kept=True)
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", str(_PROGRAM), str(seconds)),
        env=environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate(data)
    except TimeoutError:
        raise NotReadableError(f"takes more than {seconds} seconds to read") from None
    finally:
        await _end(process)
    if process.returncode:
        raise NotReadableError(_REASONS.get(process.returncode, _REASONS[5]))
    return _document([json.loads(line) for line in output.splitlines()])


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())


def _document(pages: list[str]) -> Document:
    lines: list[str] = []
    numbers: list[int] = []
    sections: list[Section] = []
    for number, page in enumerate(pages, 1):
        found = lines_of(page)
        sections.append(Section(len(lines)))
        lines += found
        numbers += [number] * len(found)
    return Document(lines, sections or (Section(0),), numbers)
