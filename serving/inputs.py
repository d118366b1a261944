"""Reads what the command line is given: the request, tests and code, before anything runs."""

from __future__ import annotations

import codecs
import os
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from serving.faults import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox import SourceFile

MAX_BYTES = 4_000_000
"""More than any limit of the graph (200,000 characters), so that its message is the one shown."""


_DIFF = re.compile(r"^--- .*\n\+\+\+ .*\n@@ -", re.MULTILINE)


def read_request(text: str) -> str:
    """The request: `text` itself, or standard input when it is `-`.

    Raises:
        InputError: When it is not UTF-8 or far too long.
    """
    if text == "-":
        return _read_standard_input()
    return read_word(text, "The request")


def read_word(text: str, name: str) -> str:
    """A word of the command line, as it is.

    Args:
        text: The word; bytes that are no text come in it as halves of surrogate pairs.
        name: What it is, for the message.

    Raises:
        InputError: When it is not UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{name} is not valid UTF-8: write it in another way, or pipe it in.") from None
    return text


def read_source(path: str, what: str, *, most: int = MAX_BYTES) -> str:
    """The text of a file; its syntax is not looked at.

    Args:
        path: The file, or `-` for standard input.
        what: What it is for, such as `tests`, for messages.
        most: The most bytes it may have.

    Raises:
        InputError: When it is missing, no regular file, not readable, not UTF-8 or far too long.
    """
    if path == "-":
        return _read_standard_input(most)
    name = f"The {what} file {path}"
    try:
        # Without O_NONBLOCK a named pipe would be waited for, perhaps for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}): name one that you may read.") from None
    except ValueError:
        raise InputError(f"{name!r} has a character that no file name can have.") from None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise InputError(f"{name} cannot be read (not a regular file): name one, or use - to pipe it in.")
        return _decode(_read(handle, name, most), name)
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}): name one that you may read.") from None
    finally:
        os.close(handle)


def read_tests(path: str | None) -> str:
    """The user's tests, checked for syntax; nothing when no file is named, standard input for `-`.

    Raises:
        InputError: When the file cannot be read.
        TestsError: When it is empty or does not parse; the message names the file and the line.
    """
    if path is None:
        return ""
    source = read_source(path, "tests")
    from sandbox import check_tests  # noqa: PLC0415  # costs time that `--help` does not have

    check_tests(source, name="standard input" if path == "-" else path)
    return source


def read_code(paths: Sequence[str]) -> list[SourceFile]:
    """The files that a request is about, named as they are seen from here.

    A file that is not below the current folder goes by its last name alone.

    Raises:
        InputError: When one cannot be read, or two would have the same name.
    """
    if not paths:
        return []
    from sandbox.evidence import SourceFile  # noqa: PLC0415  # costs time that `--help` does not have

    files: dict[str, SourceFile] = {}
    for path in paths:
        content = read_source(path, "code")
        name = _name_of(path) if path != "-" else "input.diff" if _DIFF.search(content) else "solution.py"
        if name in files:
            raise InputError(f"Two --code files are called {name}: give each once, or work in their folder.")
        files[name] = SourceFile(path=name, content=content)
    return list(files.values())


def _name_of(path: str) -> str:
    """A file's path from here, or its last name when it lies elsewhere."""
    place = Path(os.path.relpath(path))
    return Path(path).name if place.is_absolute() or place.parts[:1] == ("..",) else place.as_posix()


def _read_standard_input(most: int = MAX_BYTES) -> str:
    return _decode(_read(sys.stdin.fileno(), "Standard input", most), "Standard input")


def _read(handle: int, name: str, most: int) -> bytes:
    """All bytes up to the limit: a device or a pipe may have no end."""
    parts: list[bytes] = []
    size = 0
    while part := os.read(handle, 1 << 20):
        parts.append(part)
        size += len(part)
        if size > most:
            raise InputError(f"{name} has more than {most:,} bytes: shorten it.")
    return b"".join(parts)


def _decode(data: bytes, name: str) -> str:
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name} is not UTF-8 (line {number}): save it as UTF-8.") from None


def read_thread(thread_id: str | None) -> str:
    """The session's id, or a new one.

    Raises:
        InputError: When it cannot name a session.
    """
    from checkpoints import check_thread_id, new_thread_id  # noqa: PLC0415  # not needed by `verify`

    if thread_id is None:
        return new_thread_id()
    try:
        return check_thread_id(thread_id)
    except ValueError as error:
        raise InputError(str(error)) from None
