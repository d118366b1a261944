"""Text as the words that it is found by: the same ones in every backend, so that all find the same.

Accents and capitals do not count, English words are cut to stems, names in code are found by their parts, and
scripts without blanks are cut into pairs of signs. What comes out holds no sign that a search syntax knows.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from memory.word_lists import FAINT, IRREGULAR, STOP

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES: Final = 1
"""The version of what is filed: raise it when a text gives other words than before, here, in `word_lists.py`
or in `scoring.main_text`. Then every database files its records anew, at its first search."""

LONGEST_WORD: Final = 64
"""Longer words are cut, in characters."""

FAINT_WEIGHT: Final = 0.4
"""What a word counts that many records hold, beside 1 for the others."""

STOP_WEIGHT: Final = 0.1
"""What a word counts that nearly every text holds, where a query has no others."""

_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
# Signs of scripts that write vowels as marks: Python counts these as no part of a word.
_MARKS: Final = (
    "\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963\u0971-\u0dff\u0f71-\u0f84"
)
_HAN: Final = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA: Final = "\u3041-\u309f"
_OTHERS: Final = ("\u30a0-\u30ff", "\uac00-\ud7a3", "\u0e00-\u0eff", "\u1000-\u109f", "\u1780-\u17ff")
_UNSPACED: Final = "".join((_HAN, _HIRAGANA, *_OTHERS))
_WORD: Final = re.compile(rf"(?:[^\W_]|[{_MARKS}{_UNSPACED}])+(?:['\u2019][^\W_]+)*(?:\+\+|#)?")
_PIECE: Final = re.compile(
    "|".join(f"[{script}]+" for script in (_HAN, _HIRAGANA, *_OTHERS)) + f"|[^{_UNSPACED}]+"
)
_IS_UNSPACED: Final = re.compile(f"[{_UNSPACED}]")
_IS_HAN: Final = re.compile(f"[{_HAN}]")
_IS_HIRAGANA: Final = re.compile(f"[{_HIRAGANA}]")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_SHORTEST_STEM: Final = 3
_SUFFIXES: Final = (
    *("ization", "isation", "ational", "fulness", "ousness", "iveness", "ation", "ating", "ators", "ator"),
    *("ively", "ments", "ment", "ness", "able", "ible", "izing", "ising", "ized", "ised", "izer", "iser"),
    *("ated", "ions", "ion", "ance", "ence", "ings", "ing", "ity", "ive", "ize", "ise", "ate", "ical"),
    *("ally", "ful", "ist", "ous", "ic", "al", "er", "or", "ed", "ly"),
)
# Of a short word these leave too little: "nation" is no "n".
_GENTLE: Final = frozenset({"ing", "ings", "ed", "er", "ly"})
_LEFT: Final = 4


def index_words(text: str) -> Iterator[str]:
    """Give the words of a text in order, as a record is filed under them."""
    for word, _ in _words(text):
        if _IS_UNSPACED.search(word):
            yield from _signs(word, is_query=False)
        else:
            yield stem(word)


def query_words(text: str) -> dict[str, float]:
    """Give the words that a text is looked up by, with what each counts, 0 to 1.

    Words that nearly every text holds are left out, unless there are no others: those count next to nothing.
    """
    found: dict[str, float] = {}
    stops: dict[str, float] = {}
    for word, share in _words(text):
        if _IS_UNSPACED.search(word):
            for piece in _signs(word, is_query=True):
                found[piece] = FAINT_WEIGHT if _IS_HIRAGANA.match(piece) else 1.0
        elif word in STOP:
            stops[stem(word)] = STOP_WEIGHT
        else:
            weight = FAINT_WEIGHT if word in FAINT else share
            found[stem(word)] = max(weight, found.get(stem(word), 0.0))
    return found or stops


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """Cut a word in lower case to its stem, lightly; other scripts and words with digits stay as they are."""
    if not (word.isascii() and word.isalpha()):
        return word
    word = _singular(IRREGULAR.get(word, word))
    for suffix in _SUFFIXES:
        least = _SHORTEST_STEM if suffix in _GENTLE else _LEFT
        if word.endswith(suffix) and len(word) - len(suffix) >= least:
            word = word.removesuffix(suffix)
            break
    if len(word) > _SHORTEST_STEM and word[-1] == word[-2]:
        word = word[:-1]
    return word[:-1] if len(word) > _SHORTEST_STEM and word[-1] in "eiy" else word


def _singular(word: str) -> str:
    if len(word) <= _SHORTEST_STEM or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("sses", "shes", "ches", "xes", "zes")) else word[:-1]


def _words(text: str) -> Iterator[tuple[str, float]]:
    """The words in lower case, and what each counts: one with humps is given whole and in parts."""
    if not text.isascii():
        text = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text))
        text = unicodedata.normalize("NFC", _ACCENTS.sub("", text))
    for found in _WORD.findall(text):
        bare = found.replace("\u2019", "'").removesuffix("'s").removesuffix("'S").replace("'", "")
        if _IS_UNSPACED.search(bare):
            yield from ((piece.casefold(), 1.0) for piece in _PIECE.findall(bare))
            continue
        parts = _HUMP.split(bare) if not bare.islower() else ()
        has_humps = len(parts) > 1
        yield bare.casefold()[:LONGEST_WORD], 0.5 if has_humps else 1.0
        if has_humps:
            yield from ((part.casefold()[:LONGEST_WORD], 0.5 / len(parts)) for part in parts)


def _signs(run: str, *, is_query: bool) -> Iterator[str]:
    """Pairs of signs of one script; single Chinese signs too, as they are words of their own."""
    if len(run) == 1:
        if not _IS_HIRAGANA.match(run):  # these are endings and particles
            yield run
        return
    yield from (run[start : start + 2] for start in range(len(run) - 1))
    if not is_query and _IS_HAN.match(run):
        yield from run
