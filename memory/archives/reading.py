"""A file from the disk into a document, read once and whole, though others may write it meanwhile."""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

from memory.archives import code, markdown, notebook, pdf
from memory.archives.document import Document, NotReadableError, lines_of
from memory.archives.text import decode

if TYPE_CHECKING:
    from collections.abc import Callable

_READERS: Final[dict[str, Callable[[str], Document]]] = {
    **dict.fromkeys(markdown.SUFFIXES, markdown.read_markdown),
    **dict.fromkeys(code.SUFFIXES, code.read_python),
    **dict.fromkeys(notebook.SUFFIXES, notebook.read_notebook),
}

_CUT = b"duograph-2"
"""Changes when files are cut in another way, or more is hidden in them: then every file counts as changed."""

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes at one moment.

    Attributes:
        data: All of them.
        revision: Their hash.
    """

    data: bytes
    revision: str


def fetch(path: Path, max_bytes: int) -> Content:
    """Read a file whole; one that changes meanwhile is read again, and given up after three times.

    Raises:
        NotReadableError: When it is gone, closed to us, too large, no regular file, or changes all the time.
    """
    try:
        for _ in range(_TRIES):
            if (data := _read(path, max_bytes)) is not None:
                return Content(data, blake2b(data, digest_size=16, person=_CUT).hexdigest())
    except FileNotFoundError:
        raise NotReadableError("is gone") from None
    except OSError as error:
        raise NotReadableError(f"cannot be read ({error.strerror})", is_kept=True) from None
    raise NotReadableError("changes while it is read: ingest it again later", is_kept=True)


def _read(path: Path, max_bytes: int) -> bytes | None:
    """The bytes, or None when they changed meanwhile."""
    # A pipe would wait for its writer, and a link could have been put in the file's place.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with closing(os.fdopen(handle, "rb", buffering=0)) as file:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            raise NotReadableError("is no regular file")
        data = b""
        parts = []
        size = 0
        while size <= max_bytes and (data := file.read(1 << 20)):
            parts.append(data)
            size += len(data)
        after = os.fstat(handle)
    if size > max_bytes:
        raise NotReadableError(f"has more than {max_bytes / 1e6:g} MB")
    is_same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return b"".join(parts) if is_same else None


async def read(path: str, content: Content) -> tuple[Document, str]:
    """Understand a file by its suffix; what has none that is known is text.

    Args:
        path: Its name.
        content: Its bytes.

    Returns:
        The document, and a note where something had to be guessed.

    Raises:
        NotReadableError: When it holds no text that can be read.
    """
    suffix = Path(path).suffix.lower()
    if suffix in pdf.SUFFIXES:
        document, note = await pdf.read_pdf(content.data), ""
    else:
        document, note = await asyncio.to_thread(_understand, suffix, content.data)
    if not any(map(str.strip, document.lines)):
        raise NotReadableError("holds no text")
    return document, note


def _understand(suffix: str, data: bytes) -> tuple[Document, str]:
    text, note = decode(data)
    reader = _READERS.get(suffix, _plain)
    return reader(text), note


def _plain(text: str) -> Document:
    return Document(lines_of(text))
