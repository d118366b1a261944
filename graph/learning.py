"""What is learned from a finished turn: how the background model is asked, and what becomes of its answer."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    model_validator,
)

from memory.queue.turns import clip
from memory.records import Kind, Origin, Record
from providers.scrub import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memory.queue import FinishedTurn

MAX_EACH: Final = 8
"""Insights, and patterns, that one turn may leave at most: a model that says more says little."""

MAX_TEXT_CHARS: Final = 500
"""The longest insight or pattern, in characters."""

UNSURE: Final = 0.5
"""The confidence of what was said without one that can be read."""

_TITLE_CHARS = 300


def _share(value: object) -> float:
    """A confidence, however a model writes it: some count in per cent, and some say `high`."""
    is_percent, number = False, math.nan
    if isinstance(value, str):
        is_percent, value = value.strip().endswith("%"), value.strip().removesuffix("%")
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            number = float(value)
    if not math.isfinite(number):
        return UNSURE
    share = number / 100 if is_percent or 1 < number <= 100 else number  # noqa: PLR2004  # per cent
    return min(1.0, max(0.0, share))


def _texts(given: list[Any]) -> list[Any]:
    """Those that say something; some models give sentences instead of objects."""
    whole = [{"text": one} if isinstance(one, str) else one for one in given]
    return [one for one in whole if isinstance(one, dict) and isinstance(one.get("text"), str)]


class Insight(BaseModel):
    """What a turn taught.

    Attributes:
        text: In one sentence.
        confidence: How sure the turn makes it, 0 to 1.
    """

    text: str
    confidence: Annotated[float, BeforeValidator(_share)] = Field(default=UNSURE, ge=0, le=1)


class Pattern(BaseModel):
    """What to do, or not to do, again.

    Attributes:
        text: In one sentence.
    """

    text: str


class Learned(BaseModel):
    """The background model's answer.

    Attributes:
        insights: What the turn taught.
        patterns: What to do, or not to do, again.
    """

    insights: list[Insight] = Field(default_factory=list)
    patterns: list[Pattern] = Field(default_factory=list)
    _left_out: int = PrivateAttr(default=0)

    @model_validator(mode="wrap")
    @classmethod
    def _keep_the_good(cls, given: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401
        """Leave out what has no form, unless that is all there is: then the model is asked again."""
        if not isinstance(given, dict):
            return validate(given)
        kept, left_out = dict(given), 0
        for name in ("insights", "patterns"):
            said = kept.get(name)
            kept[name] = said if said is not None else []
            if isinstance(said, list):
                kept[name] = _texts(said)
                left_out += len(said) - len(kept[name])
        is_all_bad = left_out > 0 and not kept["insights"] and not kept["patterns"]
        lesson = validate(given if is_all_bad else kept)
        lesson._left_out = left_out  # noqa: SLF001  # of the object that is being made
        return lesson

    @property
    def left_out(self) -> int:
        """How many of what the model said had no form."""
        return self._left_out


class Lesson(Learned):
    """What a job keeps of it before it is written to memory.

    Attributes:
        source: The string of the model that answered; empty when none did usefully.
        note: Why nothing came of it, or not all, in one sentence; else empty.
    """

    source: str = ""
    note: str = ""


def question(turn: FinishedTurn) -> list[BaseMessage]:
    """What the background model is asked; the turn is data that cannot end its fence."""
    shown = turn.model_dump(
        mode="json",
        include={"task", "proof", "request", "answer", "files", "request_before", "answer_before"},
    )
    data = json.dumps(shown, ensure_ascii=False, indent=1).replace("<", "\\u003c")
    return [SystemMessage(_prompt()), HumanMessage(f"<turn>\n{data}\n</turn>")]


def told(turn: FinishedTurn) -> list[Record]:
    """What memory keeps of a turn whatever a model says of it: the turn, and what it proved."""
    origin = _origin(turn, turn.models[-1] if turn.models else "user")
    text = f"Request: {turn.request}\n\nAnswer: {turn.answer}"
    before = f"{turn.request_before}\n\n{turn.answer_before}".strip()
    records = [Record(kind="episode", text=text, context=before, origin=origin)]
    if turn.proof == "verified":
        made = f" The code is in {', '.join(turn.files)}." if turn.files else ""
        title = clip(" ".join(turn.request.split()), _TITLE_CHARS).rstrip(".")
        records.append(
            Record(kind="fact", text=f"Solved, and verified by running it: {title}.{made}", origin=origin)
        )
    return records


def learned(turn: FinishedTurn, lesson: Lesson) -> list[Record]:
    """The records that a lesson becomes; keys in its words are hidden, and what says nothing is left out."""
    said: Sequence[tuple[Kind, str, float]] = [
        *(("insight", one.text, one.confidence) for one in lesson.insights[:MAX_EACH]),
        *(("pattern", one.text, 0.5) for one in lesson.patterns[:MAX_EACH]),
    ]
    records: dict[str, Record] = {}
    for kind, words, confidence in said:
        text = one_line(clip(words, 10 * MAX_TEXT_CHARS).replace("\0", ""), longest=MAX_TEXT_CHARS)
        if text:
            origin = _origin(turn, lesson.source, confidence)
            record = Record(kind=kind, text=text, entities=turn.files, origin=origin)
            records.setdefault(record.id, record)
    return list(records.values())


def _origin(turn: FinishedTurn, source: str, confidence: float = 1.0) -> Origin:
    return Origin(
        session=turn.session,
        turn=turn.turn,
        source=clip(source, 255),
        proof=turn.proof,
        confidence=confidence,
        at=turn.at,
    )


@cache
def _prompt() -> str:
    return (files("graph") / "prompts" / "enrich.md").read_text(encoding="utf-8").strip()
