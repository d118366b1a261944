"""What words do in a request: `lexicon.txt`, read once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("lexicon.txt")

SHORTEST_STEM: Final = 4
LONGEST_STEM: Final = 9

UNSPACED: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
"""Letters of scripts in which words are not parted by spaces, or only partly."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Classes of words.

    Attributes:
        words: The classes of a word, in lower case.
        stems: The classes of all words that begin so.
        unspaced: The classes of words that are looked for anywhere in a text.
        anywhere: Finds those.
    """

    words: Mapping[str, tuple[str, ...]]
    stems: Mapping[str, tuple[str, ...]]
    unspaced: Mapping[str, tuple[str, ...]]
    anywhere: re.Pattern[str]

    def classes(self, word: str) -> tuple[str, ...]:
        """What a word may do, in lower case; nothing for a word that is not listed."""
        found = self.words.get(word)
        if found is not None:
            return found
        for length in range(min(len(word), LONGEST_STEM), SHORTEST_STEM - 1, -1):
            found = self.stems.get(word[:length])
            if found is not None:
                return found
        return ()

    def inside(self, text: str) -> list[str]:
        """The classes of words inside a text without spaces, in order."""
        return [name for match in self.anywhere.findall(text) for name in self.unspaced[match]]


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Read the list; some two milliseconds, the first time."""
    words: dict[str, list[str]] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, listed = line.partition(":")
            for word in dict.fromkeys(listed.split()):
                words.setdefault(word, []).append(name)
    stems = {word[:-1]: tuple(names) for word, names in words.items() if word.endswith("*")}
    unspaced = {word: tuple(names) for word, names in words.items() if UNSPACED.match(word)}
    longest_first = sorted(unspaced, key=lambda word: (-len(word), word))
    return Lexicon(
        {word: tuple(names) for word, names in words.items() if not word.endswith("*")},
        stems,
        unspaced,
        re.compile("|".join(map(re.escape, longest_first))),
    )
