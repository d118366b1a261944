"""Bytes into text, or a word about why they are none."""

from __future__ import annotations

import codecs
import re
from typing import Final

from memory.archives.document import NotReadableError

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_NOT_IN_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
"""Control characters; the escape of coloured logs is none of them."""

_PRIVATE_KEY = re.compile(rb"^(-----BEGIN [A-Z ]*PRIVATE KEY-----|PuTTY-User-Key-File)", re.MULTILINE)

_MOST_FOREIGN = 0.3
"""A text of which a larger part is foreign to ASCII is in no Latin alphabet."""


def decode(data: bytes) -> tuple[str, str]:
    """Read a file's bytes as text.

    Returns:
        The text, and a note where its encoding had to be guessed.

    Raises:
        NotReadableError: When it is no text, or a private key.
    """
    if _PRIVATE_KEY.search(data[:1000]):
        raise NotReadableError("is a private key")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data, encoding), ""
    if b"\0" in data:
        raise NotReadableError("is binary")
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        return _latin(data), "is not UTF-8: it was read as Latin-1 (Windows-1252)"


def _strictly(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise NotReadableError("is not in the encoding that its first bytes name") from None
    if "\0" in text:
        raise NotReadableError("is binary")
    return text


def _latin(data: bytes) -> str:
    foreign = sum(byte > 0x7F for byte in data) / len(data)  # noqa: PLR2004  # the end of ASCII
    if _NOT_IN_TEXT.search(data):
        raise NotReadableError("is binary")
    if foreign > _MOST_FOREIGN:
        raise NotReadableError("is not in UTF-8, UTF-16 or Latin-1: save it as UTF-8")
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        raise NotReadableError("is not in UTF-8, UTF-16 or Latin-1: save it as UTF-8") from None
