"""Finds JSON in what a model wrote: in fences, behind prose, with commas too many; it completes none."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 1_000_000
"""Characters that are looked at."""

_MOST_STARTS = 64
_FENCE = re.compile(r"```[\w-]*[ \t]*\r?\n(.*?)```", re.DOTALL)
# A string, which is kept, or a comma before a closing bracket, which is dropped.
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)


def json_values(text: str) -> Iterator[Any]:
    """Yield the JSON values of a text, the likeliest first.

    Args:
        text: What a model wrote, without its thinking.

    Yields:
        The whole text when it is JSON, then what fences hold, then every object and list between the words.
    """
    text = text[:LONGEST]
    for part in (text, *(found[1] for found in _FENCE.finditer(text))):
        whole = part.strip()
        for form in (whole, _without_extra_commas(whole)):
            try:
                yield json.loads(form)
                break
            except (ValueError, RecursionError):
                continue
    yield from _embedded(text)


def _embedded(text: str) -> Iterator[Any]:
    text, decoder, place = _without_extra_commas(text), json.JSONDecoder(), 0
    for _ in range(_MOST_STARTS):
        starts = [start for mark in "{[" if (start := text.find(mark, place)) >= 0]
        if not starts:
            return
        place = min(starts)
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place += 1
            continue
        yield value


def _without_extra_commas(text: str) -> str:
    return _STRING_OR_COMMA.sub(lambda found: "" if found[0] == "," else found[0], text)
