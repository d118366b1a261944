"""The labelled prompts, and what training makes of each."""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from routing.labels import LABELS, Label, Subject

_LONG: Final = 60
"""A text of so many characters gets two typing errors."""

_SWAPPED: Final = 0.6
"""The share of typing errors that are two letters in the wrong order; of the others one letter is missing."""

DATA: Final = Path(__file__).with_name("data")


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled prompt.

    Attributes:
        text: What a person wrote.
        label: What they want, by `LABELS.md`.
        subject: What it is about, for explanations.
        source: The file that it is from, without its ending.
        weight: How much it counts in training.
    """

    text: str
    label: Label
    subject: Subject | None = None
    source: str = ""
    weight: float = 1.0


def read(files: Iterable[Path]) -> list[Example]:
    """Read files of labelled prompts.

    Args:
        files: JSON lines with `text`, `label` and, for explanations, `subject`.

    Raises:
        ValueError: A line has no such form; the message names file and line.
    """
    found = []
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                found.append(_example(line, f"{file.name}:{number}", file.stem))
    return found


def _example(line: str, where: str, source: str) -> Example:
    try:
        row = json.loads(line)
        text, label, subject = row["text"], row["label"], row.get("subject")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{where}: a line must be a JSON object with text and label: {error}") from None
    if label not in LABELS:
        raise ValueError(f"{where}: label {label!r} is unknown: use one of {', '.join(LABELS)}")
    if subject is not None and subject not in get_args(Subject):
        raise ValueError(
            f"{where}: subject {subject!r} is unknown: use one of {', '.join(get_args(Subject))}"
        )
    return Example(str(text), label, subject, source)


def training() -> list[Example]:
    """All prompts to train on that were written by hand."""
    return read(sorted(DATA.glob("train_*.jsonl")))


def composed(seed: int = 7, per_frame: int = 9) -> list[Example]:
    """Frames of one label each, filled with topics that all labels share, so that no topic tells the label.

    Args:
        seed: Of the choice of topics.
        per_frame: How many topics each frame is filled with.
    """
    content = json.loads((DATA / "frames.json").read_text(encoding="utf-8"))
    dice = random.Random(seed)  # noqa: S311 - the same choice every time is the point
    found = []
    for name, frames in content["frames"].items():
        label, _, subject = name.partition("/")
        for frame in frames:
            slots = [slot for slot in content["slots"] if "{" + slot + "}" in frame]
            for _ in range(per_frame if slots else 1):
                text = frame
                for slot in slots:
                    for _ in range(frame.count("{" + slot + "}")):
                        text = text.replace("{" + slot + "}", dice.choice(content["slots"][slot]), 1)
                found.append(Example(text, label, subject or None, "composed", 0.35))
    return found


def varied(examples: Sequence[Example], seed: int = 11) -> list[Example]:
    """The examples, and of each how others might have put it: politely, in a hurry, mistyped, prefaced.

    Args:
        examples: What to vary.
        seed: Of the variations.
    """
    around = json.loads((DATA / "frames.json").read_text(encoding="utf-8"))["around"]
    dice = random.Random(seed)  # noqa: S311 - the same variations every time are the point
    found = []
    for example in examples:
        ways = [example.text, _hurried(example.text)]
        if "\n" not in example.text and example.text.count(" ") > 1 and example.text.isascii():
            text = example.text
            ways.append(_mistyped(text.lower(), dice))
            ways.append(dice.choice(around["openers"]) + text[0].lower() + text[1:])
            ways.append(text + dice.choice(around["closers"]))
            ways.append(dice.choice(around["background"]) + text)
        ways = list(dict.fromkeys(ways))
        share = [1.0] + [0.25] * (len(ways) - 1)
        found += [
            Example(text, example.label, example.subject, example.source, example.weight * part)
            for text, part in zip(ways, share, strict=True)
        ]
    return found


def _hurried(text: str) -> str:
    return text.lower().rstrip(".?!") if "\n" not in text else text


def _mistyped(text: str, dice: random.Random) -> str:
    """One or two letters of a longer word changed places or got lost."""
    for _ in range(1 + (len(text) > _LONG)):
        at = dice.randrange(1, max(2, len(text) - 2))
        if text[at : at + 2].isalpha():
            text = (
                text[:at]
                + (text[at + 1] + text[at] if dice.random() < _SWAPPED else text[at])
                + text[at + 2 :]
            )
    return text
