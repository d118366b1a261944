"""The two output streams: the answer goes to standard output, everything else to standard error."""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from serving.faults import OutputError
from serving.text import clean, one_line, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

_DUMB = ("", "dumb", "unknown")
_STARTING = "duograph: starting…"


def prepare() -> None:
    """Make both streams take any text: pipes speak UTF-8, and what cannot be shown is replaced."""
    # Python leaves None for a stream that our parent closed.
    sys.stdin = sys.stdin or os.fdopen(os.open(os.devnull, os.O_RDONLY))
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper) or stream.errors == "replace":
            continue
        if codecs.lookup(stream.encoding).name == "utf-8" or stream.isatty():
            stream.reconfigure(errors="replace")
        else:
            stream.reconfigure(encoding="utf-8", errors="replace")


def is_terminal(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that can move its cursor."""
    return stream.isatty() and (os.name == "nt" or os.environ.get("TERM", "") not in _DUMB)


@contextmanager
def starting() -> Iterator[None]:
    """Show on a terminal that something happens, while the imports in here take their second."""
    if not is_terminal(sys.stderr):
        yield
        return
    sys.stderr.write(_STARTING)
    sys.stderr.flush()
    try:
        yield
    finally:
        sys.stderr.write(f"\r{' ' * len(_STARTING)}\r")
        sys.stderr.flush()


def console(stream: TextIO) -> Console:
    """A rich console on a terminal; nothing it prints is read as markup, and NO_COLOR holds."""
    from rich.console import Console  # noqa: PLC0415  # a tenth of a second that a pipe need not wait

    return Console(
        file=stream, force_terminal=True, markup=False, emoji=False, highlight=False, legacy_windows=False
    )


def answer(text: str) -> None:
    """Print Markdown: rendered on a terminal, as it is elsewhere."""
    text = clean(text)
    if not is_terminal(sys.stdout):
        line(text)
        return
    from rich.markdown import Markdown  # noqa: PLC0415  # see `console`

    console(sys.stdout).print(Markdown(text, hyperlinks=False))
    sys.stdout.flush()


def line(text: str) -> None:
    """Print plain text and a newline to standard output at once.

    Raises:
        OutputError: When the disk is full, or the like.
        BrokenPipeError: When nobody reads on.
    """
    try:
        sys.stdout.write(clean(text).rstrip("\n") + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"Standard output cannot be written ({error.strerror}): make room, or send it elsewhere."
        ) from None


def json_object(value: object) -> None:
    """Print `value` as JSON: indented for eyes, on one line for programs."""
    line(to_json(value, indent=2 if sys.stdout.isatty() else None))


def notice(text: str) -> None:
    """Say something beside the answer, as one line on standard error."""
    sys.stderr.write(one_line(text) + "\n")
    sys.stderr.flush()


def ask_line(question: str) -> str | None:
    """Ask on standard error and read one line of standard input, its newline included; None at its end."""
    sys.stderr.write(question)
    sys.stderr.flush()
    said = sys.stdin.readline()
    if said:
        return said
    sys.stderr.write("\n")
    return None
