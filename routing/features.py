"""A text as numbers: which of 65,536 places its words, parts of words and structure fall on.

The structure of the request (who does what to which kind of thing) has features of its own, so that its topic
cannot swamp it: a word after «about» counts as topic, and the noun that a verb makes counts by its kind.
Hashing is after Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009, with CRC-32,
which is the same on every platform.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from zlib import crc32

from routing.lexicon import UNSPACED, lexicon
from routing.view import View

PLACES: Final = 1 << 16
MAX_WORDS: Final = 48
"""Words that count, from each end of what the person wrote."""

MAX_TOKENS: Final = 80
"""Words of one sentence that count, most of them from its beginning."""

MAX_CLAUSES: Final = 12
MAX_ASK: Final = 220
"""Characters of the asking sentence that count."""

_TOKEN: Final = re.compile(
    # In the scripts of India and in Thai, vowels are marks and no letters.
    r"⟦\w+⟧|(?:[^\W\d_]|[\u0900-\u0dff\u0e31-\u0e4e\u064b-\u0652])+(?:['+#-]+[^\W\d_]*)*|\d+(?:[.,]\d+)*|[?,;:]|[+*/=^%√∫≤≥$€£]"
)
_NUMBER: Final = re.compile(r"\d")
_OPERATOR: Final = re.compile(r"\d\s*[-+*/^x\u00d7÷=]\s*\d|[a-z]\s*[=^²³]|√|∫|²|%")
_DOING: Final = frozenset(
    (
        "make",
        "codeverb",
        "change",
        "fix",
        "judge",
        "explain",
        "solve",
        "planverb",
        "textop",
        "pretend",
        "suggest",
        "remember",
    )
)
_THING: Final = frozenset(
    ("ncode", "nlang", "nreview", "nprose", "nplan", "nexpl", "nmath", "ntrouble", "nmem")
)
_PARTING: Final = frozenset((",", ";", ":", "and", "but", "so", "then", "und", "et", "y", "e", "и"))
_REQUEST: Final = frozenset(
    (
        "please",
        "pls",
        "plz",
        "can",
        "could",
        "would",
        "need",
        "want",
        "like",
        "love",
        "bitte",
        "kannst",
        "peux",
        "puedes",
    )
)
_ASKING: Final = _DOING | {"qwhat", "qwhy", "qhow", "qmany", "qwho", "which", "should", "improve", "recall"}


@dataclass(frozen=True, slots=True)
class Features:
    """Places by kind; each counts once.

    Attributes:
        words: Of words and pairs of words.
        parts: Of parts of words in the asking sentence.
        shape: Of what the request is made of.
    """

    words: tuple[int, ...]
    parts: tuple[int, ...]
    shape: tuple[int, ...]


def features(seen: View, *, has_code: bool = False) -> Features:
    """The features of a text.

    Args:
        seen: What a person wrote, with what was pasted told apart.
        has_code: Whether code came with it beside the text.
    """
    sentences = [_tokens(sentence) for sentence in seen.sentences]
    ask, start = _ask(sentences)
    words: list[str] = []
    shape = _marks(seen, has_code=has_code)
    _bag(sentences, words)
    if sentences:
        _sentence("A", sentences[ask][start:], words, shape)
        _outline("F", sentences[0], shape)
        _outline("L", sentences[-1], shape)
        shape.append(f"ask@{min(ask, 3)}of{min(len(sentences), 4)}")
    asking = _asking(seen.sentences[ask], sentences[ask], start) if sentences else ""
    return Features(_hashed("w", words), _hashed("c", _parts(asking)), _hashed("s", shape))


def _asking(sentence: str, tokens: list[str], start: int) -> str:
    """The text of the clause that asks."""
    at = 0
    for token in tokens[:start]:
        at = sentence.index(token, at) + len(token)
    return sentence[at : at + MAX_ASK]


def _tokens(sentence: str) -> list[str]:
    tokens = _TOKEN.findall(sentence)
    return tokens if len(tokens) <= MAX_TOKENS else [*tokens[: MAX_TOKENS - 24], *tokens[-24:]]


def _classes(token: str) -> tuple[str, ...]:
    return lexicon().classes(token)


def _core(tokens: list[str]) -> int:
    """Where the words of politeness end."""
    words = lexicon().words
    for place, word in enumerate(tokens):
        if word != "," and "polite" not in words.get(word, ()):
            return place
    return 0


def _ask(sentences: list[list[str]]) -> tuple[int, int]:
    """The clause that asks, by its sentence and its first token: the last of those that look most like it."""
    best, found = 0.0, (0, 0)
    for number, tokens in enumerate(sentences):
        for start in _clauses(tokens):
            score = _urge(tokens[start : start + 12]) + (2.0 if tokens[-1:] == ["?"] else 0.0)
            if score > best or (score == best and start == 0):
                best, found = score, (number, start)
    return found


def _clauses(tokens: list[str]) -> list[int]:
    """Where clauses begin: after a comma and the like, and after «and» or «but»."""
    found = [
        place + 1
        for place, token in enumerate(tokens[:-2])
        if token in _PARTING and tokens[place + 1] not in _PARTING
    ]
    return [0, *found[-MAX_CLAUSES:]]


def _urge(tokens: list[str]) -> float:
    """How much a clause looks like a request by its beginning."""
    core = _core(tokens)
    if core >= len(tokens):
        return 0.0
    first = _classes(tokens[core])
    asked = 1.5 if _REQUEST.intersection(tokens[: core + 1]) else 0.0
    if _DOING.intersection(first):
        return asked + (2.0 if "change" in first else 3.0)
    if _ASKING.intersection(first):
        return asked + 2.0
    return asked


def _bag(sentences: list[list[str]], words: list[str]) -> None:
    """All words and pairs of words, from both ends."""
    tokens = [token for sentence in sentences for token in (*sentence, ".")]
    if len(tokens) > 2 * MAX_WORDS:
        tokens = [*tokens[:MAX_WORDS], "…", *tokens[-MAX_WORDS:]]
    tokens = ["0" if _NUMBER.match(token) else token for token in tokens]
    words.extend(tokens)
    words.extend(f"{one} {two}" for one, two in pairwise(tokens))


def _sentence(zone: str, tokens: list[str], words: list[str], shape: list[str]) -> None:
    """The asking sentence: its words before the topic begins, its beginning, what is done to what."""
    tokens = ["0" if _NUMBER.match(token) else token for token in tokens]
    core = _core(tokens)
    end = next(
        (place for place in range(core + 1, len(tokens)) if "prep" in _classes(tokens[place])), len(tokens)
    )
    asked = tokens[core:end]
    words.extend(f"{zone}:{token}" for token in tokens[:end])
    words.extend(f"{zone}:{one} {two}" for one, two in pairwise(tokens[:end]))
    words.extend(f"T:{token}" for token in tokens[end : end + 12])
    for length in (1, 2, 3, 4):
        words.append(f"{zone}^{' '.join(tokens[:length])}")
        words.append(f"{zone}*{' '.join(tokens[core : core + length])}")
    if asked:
        shape.append(f"head={asked[-1]}")
        shape.extend(f"head:{name}" for name in _classes(asked[-1]))
    _outline(zone, tokens, shape)
    shape.extend(f"asked:{name}" for token in asked for name in _classes(token))


def _outline(zone: str, tokens: list[str], shape: list[str]) -> None:
    """What the words of a sentence do, one after the other."""
    core = _core(tokens)
    row = [names for token in tokens[core : core + 24] if (names := _classes(token))]
    joined = "".join(tokens)
    if UNSPACED.search(joined):
        row.extend((name,) for name in lexicon().inside(joined))
    flat = [name for names in row for name in names]
    shape.extend(f"{zone}.{name}" for name in flat)
    first = row[0] if row else ("none",)
    shape.extend(f"{zone}^{name}" for name in first)
    shape.extend(f"{zone}^{one}+{two}" for one in first for names in row[1:4] for two in names)
    shape.extend(f"{zone}.{one}>{two}" for a, b in pairwise(row) for one in a for two in b)
    thing = next((name for names in row for name in names if name in _THING), "none")
    doing = next((name for names in row for name in names if name in _DOING), "none")
    shape.append(f"{zone}:{doing}→{thing}")
    end = "?" if tokens and tokens[-1] == "?" else "."
    shape.append(f"{zone}{end}")
    shape.extend(f"{zone}^{name}{end}" for name in first)


def _marks(seen: View, *, has_code: bool) -> list[str]:
    """Structure: what came with the text, where, and how much was said."""
    marks = set(seen.marks) | ({"code", "attached"} if has_code else set())
    kind = "code" if "code" in marks else "log" if "log" in marks else "none"
    length = min(seen.words.bit_length(), 8)
    shape = [
        "bias",
        f"n{length}",
        f"m:{kind}",
        f"m:{kind}:n{min(length, 3)}",
        f"s{min(len(seen.sentences), 5)}",
    ]
    shape.extend(f"has:{mark}" for mark in sorted(marks))
    if "code" in marks and "stub" in marks:
        shape.append(f"stub:n{min(length, 2)}")
    if "code" in marks and "diff" in marks:
        shape.append(f"diff:n{min(length, 2)}")
    if seen.before:
        shape.append(f"before:{kind}")
    if seen.after:
        shape.append(f"after:{kind}")
    prose = " ".join(seen.sentences)
    numbers = min(len(re.findall(r"\d+", prose)), 4)
    shape.append(f"numbers{numbers}")
    if _OPERATOR.search(prose):
        shape.append("operator")
        shape.append(f"operator:n{min(length, 3)}")
    if not re.search(r"[^\W\d_]", prose):
        shape.append(f"wordless:{kind}:{'numbers' if numbers else 'none'}")
    if kind != "none" and seen.sentences:
        for token in seen.sentences[-1].split()[:12]:
            shape.extend(f"{kind}&{name}" for name in _classes(token.strip(".,:?!")))
    return shape


def _parts(asking: str) -> list[str]:
    """Parts of three to five letters, which other forms of a word and typing errors share."""
    if UNSPACED.search(asking):
        text = f"^{''.join(asking.split())}$"
        return [text[at : at + size] for size in (1, 2, 3, 4) for at in range(len(text) - size + 1)]
    found: list[str] = []
    for token in _tokens(asking):
        padded = f"<{token}>"
        found.extend(
            padded[at : at + size] for size in (3, 4, 5) for at in range(max(1, len(padded) - size + 1))
        )
    return found


def _hashed(kind: str, names: Iterable[str]) -> tuple[int, ...]:
    """The places of distinct features, in order of place."""
    places = {crc32(f"{kind}{name}".encode("utf-8", "replace")) & (PLACES - 1) for name in names}
    return tuple(sorted(places))
