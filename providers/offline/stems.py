"""Words of a request, brought to stems so that `validates` and `validation` meet."""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

_CAMEL_CASE = re.compile(r"\b(?!\w+(?:Error|Exception)\b)[A-Za-z]?[a-z]+(?:[A-Z][a-z]+)+\b")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_IDIOMS = re.compile(
    r"\bpython\s*3(?:\.\d+)?\b|\bor not\b|\bas well\b|\bso that\b|\bat most once\b"
    r"|\bwhat(?:'s| is| would be)? (?:the|a) (?:best|easiest|simplest|quickest|cleanest|right|good|pythonic)"
    r"(?: \w+)? (?:way|approach|function|method|code)\b",
)
_CLAUSE_END = re.compile(r"[.,;:!?()\[\]{}\n]+")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_NEGATORS = frozenset({"no", "not", "without", "never", "cannot", "except", "excluding", "avoid", "avoiding"})
_ALIASES = {
    "colour": "color",
    "colours": "color",
    "dict": "dictionary",
    "dicts": "dictionary",
    "fibonnaci": "fibonacci",
    "fibonaci": "fibonacci",
    "int": "integer",
    "ints": "integer",
    "matrices": "matrix",
    "num": "number",
    "nums": "number",
    "pallindrome": "palindrome",
    "parens": "parenthesis",
    "parentheses": "parenthesis",
    "str": "string",
    "strs": "string",
    "vertices": "vertex",
}
_SUFFIXES = (
    *("izations", "ization", "ations", "ation", "ators", "ator", "ating", "ated", "ates", "ate"),
    *("ings", "ing", "ions", "ion", "ities", "ity", "ers", "er", "ors", "or", "ies", "ied", "ize"),
    *("izes", "ized", "izer", "izing", "ly", "es", "ed", "s", "e", "y"),
)
_BY_LENGTH = sorted(_SUFFIXES, key=len, reverse=True)
_SHORTEST_STEM = 3
DENIED = "!"
"""Stands for a negation whose object is no word; it matches nothing, so no recipe answers."""
# Another meaning than their stem's: "merge sorted lists" is no merge sort, "smaller than" no small talk.
_KEPT = frozenset({"sorted", "smaller", "shorter", "greater", "faster", "worker", "workers", "provider"})


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Cut a lower-case word to its stem, lightly and without a dictionary.

    Args:
        word: One word in lower case.

    Returns:
        The stem; it need not be a word. A word with digits or other scripts stays as it is.
    """
    word = _ALIASES.get(word, word)
    if word in _KEPT or not (word.isascii() and word.isalpha()):
        return word
    word = re.sub(r"(?<=\w{3})is(e|es|ed|ing|er|ation|ations)$", r"iz\1", word)
    if word.endswith("ss"):
        return word
    for suffix in _BY_LENGTH:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            word = word.removesuffix(suffix)
            break
    doubled = len(word) > _SHORTEST_STEM and word[-1] == word[-2] and word[-1] not in "aeiouls"
    return word[:-1] if doubled else word


def stems(text: str, chatter: Collection[str] = ()) -> list[str]:
    """List the stems of a text in order.

    A word after a negation ("without recursion") becomes one stem with a mark ("!recurs"), so that
    it never matches the word itself. Words of the chatter between the two are skipped. A negation
    of something that is no word ("without +") becomes a mark alone.

    Args:
        text: Any text.
        chatter: Stems that cannot be what a negation denies.

    Returns:
        The stems; empty for a text without words.
    """
    text = unicodedata.normalize("NFKC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    text = _CAMEL_CASE.sub(lambda match: _HUMP.sub(" ", match.group()), text)
    text = _IDIOMS.sub(" ", text.casefold())
    found: list[str] = []
    for clause in _CLAUSE_END.split(text):
        negated = False
        for word in _WORD.findall(clause):
            if word in _NEGATORS or word.endswith("n't"):
                negated = True
                continue
            root = stem(word.split("'")[0])
            if negated and root not in chatter:
                root, negated = f"!{root}", False
            found.append(root)
        if negated:
            found.append(DENIED)
    return found


def chatter_stems(text: str) -> frozenset[str]:
    """Read the list of words that say nothing about a task.

    Args:
        text: Words between white space; `#` starts a comment line.

    Returns:
        Their stems, and every single ASCII letter.
    """
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    words = " ".join(lines).split()
    known = {"!" + stem(word[1:]) if word.startswith("!") else stem(word) for word in words}
    return frozenset(known | set("abcdefghijklmnopqrstuvwxyz"))
