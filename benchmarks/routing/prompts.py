"""Labelled prompts for the routing benchmark: reading the files in `data/`, and telling near duplicates."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from nodes.context import Task

DATA = Path(__file__).parent / "data"

Subject = Literal[
    "mathematics", "computer_science", "language_and_translation", "english_and_writing", "general"
]

Kind = Literal["empty", "emoji", "language", "code only", "injection", "long", "strange"]

NEAR = 0.6
"""The share of their shingles from which two texts count as near duplicates."""

_SHINGLE = 6
"""Characters in a shingle; characters and not words, because some scripts do not part words."""


Row = TypeVar("Row", bound=BaseModel)


class Repeat(BaseModel):
    """A note that stands for a long stretch of text, so that the files stay small."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str = Field(min_length=1)
    times: PositiveInt
    side: Literal["before", "after"] = "before"

    def around(self, text: str) -> str:
        """The text with the long stretch before or after it."""
        stretch = self.unit * self.times
        return stretch + text if self.side == "before" else text + stretch


class Prompt(BaseModel):
    """One prompt of a test set, labelled as `LABELS.md` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z_]+-\d{3}$")
    text: str = Field(min_length=1)
    label: Task
    source: str = Field(min_length=1)
    subject: Subject | None = None
    repeat: Repeat | None = None

    @property
    def whole(self) -> str:
        """What is to be classified."""
        return self.repeat.around(self.text) if self.repeat else self.text


class Odd(BaseModel):
    """An odd input, with every label that would be sensible for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^odd-\d{3}$")
    kind: Kind
    text: str
    accept: frozenset[Task] = Field(min_length=1)
    language: str | None = None
    repeat: Repeat | None = None

    @property
    def whole(self) -> str:
        """What is to be classified."""
        return self.repeat.around(self.text) if self.repeat else self.text


def read_prompts(path: Path) -> list[Prompt]:
    """Read one `test_*.jsonl`.

    Raises:
        ValueError: A line is not such a prompt; the message names file and line.
    """
    return list(_read(path, Prompt))


def read_odd(path: Path = DATA / "odd.jsonl") -> list[Odd]:
    """Read the odd inputs.

    Raises:
        ValueError: A line is not such an input; the message names file and line.
    """
    return list(_read(path, Odd))


def _read(path: Path, row: type[Row]) -> Iterator[Row]:
    # Not splitlines: it also parts at characters that JSON allows inside a string.
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line:
            continue
        try:
            yield row.model_validate_json(line)
        except ValidationError as error:
            raise ValueError(f"{path.name}, line {number}: {error}") from error


def normalised(text: str) -> str:
    """The text without what does not tell prompts apart: case, punctuation, width, spaces."""
    plain = re.sub(r"\W+", "", unicodedata.normalize("NFKC", text).casefold())
    return plain or text.strip()


def near_duplicates(texts: Sequence[str], others: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of a text and another that say the same in almost the same words.

    Two texts are near when they are equal after normalising, or share at least `NEAR` of all their shingles
    of six characters (Jaccard).

    Args:
        texts: The texts to look for.
        others: The texts to look in.
    """
    shingled = [_shingles(text) for text in texts]
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for number, shingles in enumerate(shingled):
        for shingle in shingles:
            holders[shingle].append(number)
    pairs: list[tuple[str, str]] = []
    for other in others:
        theirs = _shingles(other)
        shared = Counter(number for shingle in theirs for number in holders.get(shingle, ()))
        pairs += [
            (texts[number], other)
            for number, count in shared.items()
            if count >= NEAR * (len(theirs) + len(shingled[number]) - count)
        ]
    return pairs


def _shingles(text: str) -> set[str]:
    plain = normalised(text)
    return {plain[start : start + _SHINGLE] for start in range(max(1, len(plain) - _SHINGLE + 1))}
