"""JSON as editors keep it in settings: with comments, and commas at the end of a list; all else is strict."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Pairs = Callable[[list[tuple[str, Any]]], Any]

# None of these can fail once it has begun, so a hostile file costs no more than its length.
_TEXT: Final = r'"(?:\\.?|[^"\\])*(?:"|\Z)'
_COMMENT: Final = re.compile(rf"({_TEXT})|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_COMMA: Final = re.compile(rf"({_TEXT})|,(?=\s*[}}\]])", re.DOTALL)
_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


def loads(data: bytes, pairs: Pairs) -> Any:  # noqa: ANN401  # any JSON
    """Read it, from UTF-8 or with a byte order mark from UTF-16, as Windows' shells write files.

    Args:
        data: What stands in a file.
        pairs: Makes an object of its keys and values.

    Raises:
        json.JSONDecodeError: When it is no JSON, with the line.
        ValueError: When it is no text.
        RecursionError: When it is nested too deeply.
    """
    text = data.decode("utf-16" if data[:2] in _MARKS else "utf-8-sig")
    try:
        return json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError:
        bare = _COMMA.sub(_kept, _COMMENT.sub(_kept, text))
        return json.loads(bare, object_pairs_hook=pairs)


def _kept(found: re.Match[str]) -> str:
    """A text as it is, and only line ends and blanks of all else, so that lines keep their numbers."""
    return found[1] or re.sub(r"[^\n]", " ", found[0])
