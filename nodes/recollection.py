"""What memory gives to a turn: chosen within a budget, with where it comes from, fenced as data."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, field_serializer

from memory.places import place
from memory.records import Hit, Kind, Record
from nodes.prompting import defuse, prompt

MAX_CHARS: Final = 1_500
"""The longest piece of one record that a model is shown, in characters."""

CHARS_PER_TOKEN: Final = 4
"""As the offline model estimates tokens; models cut text differently, by some tens of percent."""

_HEADING_CHARS = 80
_CUT = " […]"
_BRACKETS = str.maketrans("[]\uff3b\uff3d", "()()")
_BREAKS = re.compile(r"\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


class Recalled(BaseModel):
    """Something of memory that the models of a turn saw.

    Attributes:
        id: Of the record; `duograph memory why ID` shows where it comes from.
        kind: What it is.
        place: Of a chunk, as `path:first-last`, or with a page or a cell; else empty.
        archive: Of a chunk.
        at: When it was first told or seen, in UTC.
        score: How much of what was looked for it answers, 0 to 1.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: Kind
    place: str = ""
    archive: str = ""
    at: AwareDatetime
    score: float = 0.0

    @field_serializer("at")
    def _as_text(self, at: AwareDatetime) -> str:
        # Servers that dump results as Python objects write them as JSON all the same.
        return at.isoformat().replace("+00:00", "Z")


class Recollection(Recalled):
    """The same with its text, clipped, as the state holds it while the turn runs.

    Attributes:
        text: What the models see.
        about: Who said it and how sure it is, in a few words.
        path: Of a chunk's file.
    """

    text: str
    path: str = ""
    about: str = ""

    def shown(self) -> Recalled:
        """What of it the result names."""
        return Recalled.model_validate(self.model_dump(include=set(Recalled.model_fields)))


def recollection(hit: Hit) -> Recollection:
    """A hit as a turn keeps it."""
    record = hit.item.record
    return Recollection(
        id=hit.item.id,
        kind=record.kind,
        place=" ".join(plain(place(record), 4096).split()) if record.kind == "chunk" else "",
        path=" ".join(plain(record.path, 4096).split()),
        archive=record.archive,
        at=record.origin.at,
        score=round(hit.score, 4),
        text=plain(record.text, MAX_CHARS),
        about=_about(record),
    )


def plain(text: str, most: int) -> str:
    """A text without control and format characters, which could hide something, cut to `most`."""
    text = _BREAKS.sub("\n", text)
    kept = "".join(
        one for one in text if one in "\n\t" or unicodedata.category(one) not in {"Cc", "Cf", "Cs"}
    )
    return kept if len(kept) <= most else kept[: most - len(_CUT)] + _CUT


def choose(hits: Iterable[Hit], tokens: int) -> list[Recollection]:
    """The best hits that fit into so many tokens, best first, nothing twice.

    Args:
        hits: Of several searches, in any order.
        tokens: How much all of them may take, headings too.
    """
    left = tokens * CHARS_PER_TOKEN
    chosen: list[Recollection] = []
    seen: set[str] = set()
    spans: list[Record] = []
    for hit in sorted(hits, key=lambda hit: (-hit.score, hit.item.id)):
        record, found = hit.item.record, recollection(hit)
        said = " ".join(found.text.split()).casefold()
        needed = len(found.text) + len(heading(found)) + _HEADING_CHARS // 4
        if said in seen or needed > left or any(_overlaps(record, other) for other in spans):
            continue
        seen.add(said)
        if record.kind == "chunk":
            spans.append(record)
        left -= needed
        chosen.append(found)
    return chosen


def _overlaps(one: Record, other: Record) -> bool:
    """Whether most of one chunk stands in another one of the same file."""
    if (one.archive, one.path) != (other.archive, other.path) or not one.first_line or one.kind != "chunk":
        return False
    shared = min(one.last_line, other.last_line) - max(one.first_line, other.first_line) + 1
    return shared * 2 > one.last_line - one.first_line + 1


def _about(record: Record) -> str:
    """Who said it, and how much it can be relied on."""
    origin = record.origin
    if record.kind == "chunk":
        return ""
    who = {"user": "told by the user", "file": "from a file"}.get(origin.source, f"by {origin.source}")
    parts = [" ".join(plain(who, 100).split())]
    if origin.proof != "none":
        parts.append("verified by running it" if origin.proof == "verified" else "its run failed")
    if origin.confidence < 1:
        parts.append(f"confidence {origin.confidence:.2g}")
    return ", ".join(parts)


def heading(one: Recollection) -> str:
    """The line above a record: what it is and where it comes from.

    Names of files, archives and models are whatever somebody chose: none ends the line or its brackets.
    """
    if one.kind == "chunk":
        archive = f", archive {_label(one.archive)}" if one.archive else ""
        return f"[{_label(one.place)}{archive}]"
    return f"[{one.kind} {one.id[:8]}, {one.at:%Y-%m-%d}, {_label(one.about)}]"


def _label(name: str) -> str:
    return " ".join(plain(name, 4096).split()).translate(_BRACKETS)


def show(found: Sequence[Recollection]) -> str:
    """Records one below the other. Each line of their text is marked, so that none passes for a heading."""
    parts = []
    for one in found:
        body = "\n".join(f"| {line}".rstrip() for line in one.text.split("\n"))
        parts.append(f"{heading(one)}\n{body}")
    return "\n".join(parts)


def fenced(found: Sequence[Recollection], tag: str = "memory") -> str:
    """Records between `<memory>` and `</memory>`, which nothing in them can close; or nothing."""
    return f"<{tag}>\n{defuse(show(found))}\n</{tag}>" if found else ""


def with_rules(rules: str, found: Sequence[Recollection]) -> str:
    """A system prompt with what must be known about the memory below; as it is when there is none."""
    return f"{rules}\n\n{prompt('memory')}" if found else rules


def recalled_in(state: Any) -> list[Recollection]:  # noqa: ANN401  # `Turn`, whose module needs this one
    """What this turn recalled."""
    found: list[Recollection] = state.get("recalled") or []
    return found


def with_sources(answer: str, found: Sequence[Recollection]) -> str:
    """An answer with the places that it names below it, each with its archive."""
    lines = []
    for one in found:
        # Models know the name as its heading has it.
        names = "|".join(map(re.escape, (one.path, _label(one.path))))
        if one.place and re.search(rf"(?<![\w./-])(?:{names})(?![\w/-])", answer):
            archive = f" (archive {one.archive})" if one.archive else ""
            lines.append(f"- `{one.place}`{archive}")
    return "\n".join([answer, "", "Sources:", "", *dict.fromkeys(lines)]) if lines else answer
