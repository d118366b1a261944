"""What memory holds: records with their origins, and what is asked of them."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

MAX_TEXT_CHARS: Final = 20_000
"""The longest record that is kept, in characters."""

_ID_BYTES = 16

Kind = Literal["fact", "insight", "pattern", "episode", "chunk"]
"""What a record is.

`fact`: told by the user, or proved by a run. `insight`, `pattern`: what a background model saw in a turn.
`episode`: a finished turn, request and answer. `chunk`: a part of an archive's file.
"""

Proof = Literal["none", "verified", "failed"]
"""What the turn that a record comes from could show: `verified` is said of an execution alone."""


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


def mended(text: str) -> str:
    """A text with halves of surrogate pairs joined where they belong together, and replaced where not."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _whole(text: object) -> object:
    if isinstance(text, str):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"it holds half of a character ({text[error.start]!a} at {error.start}), which no database "
                "takes: leave it out, or write U+FFFD in its place"
            ) from None
    return text


def _line(text: str) -> str:
    return " ".join(text.split())


Text = Annotated[str, BeforeValidator(_whole)]
"""Text that every database takes and gives back as it was: no half of a surrogate pair."""

Line = Annotated[Text, AfterValidator(_line)]
"""Text of one line: runs of white space count as one blank."""


class Origin(BaseModel):
    """Where a record comes from.

    Attributes:
        session: The thread; empty for what no session told.
        turn: The turn in it. A record that comes again from the same session and turn changes nothing.
        source: Who said it: `user`, the string of a model, or `file`.
        proof: What the turn could show.
        confidence: Of the source, 0 to 1.
        at: When, in UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    session: Text = Field(default="", max_length=255)
    turn: Text = Field(default="", max_length=255)
    source: Text = Field(default="user", max_length=255)
    proof: Proof = "none"
    confidence: float = Field(default=1.0, ge=0, le=1)
    at: AwareDatetime = Field(default_factory=now)


class Record(BaseModel):
    """Something to remember.

    Attributes:
        kind: What it is.
        text: What is remembered, and shown.
        subject: What a fact is about, such as `my birthday`; a newer fact on the same subject takes its
            place. Empty where there is none.
        context: What stands around it (the turns before and after): searched with less weight, never shown.
        entities: Names of things that it is about; nodes in a graph.
        archive: The archive that a chunk belongs to.
        path: The chunk's file, relative to what was ingested.
        first_line: Where the chunk begins, counted from 1: a line, the page of a PDF, the cell of a notebook;
            0 where there is none.
        last_line: Where it ends.
        revision: Of the chunk's file: changes when its content does.
        origin: Where it comes from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    text: Text = Field(min_length=1, max_length=MAX_TEXT_CHARS)
    subject: Line = Field(default="", max_length=255)
    context: Text = Field(default="", max_length=2 * MAX_TEXT_CHARS)
    entities: tuple[Line, ...] = Field(default=(), max_length=64)
    archive: Line = Field(default="", max_length=64)
    path: Text = Field(default="", max_length=4096)
    first_line: int = Field(default=0, ge=0)
    last_line: int = Field(default=0, ge=0)
    revision: Text = Field(default="", max_length=64)
    origin: Origin = Field(default_factory=Origin)

    @property
    def subject_key(self) -> str:
        """The subject as it is compared."""
        return self.subject.casefold()

    @property
    def id(self) -> str:
        """A hash of what makes the record itself, so that storing it again changes nothing.

        An episode is one of its turn; a chunk is one of its place in a file; all else is its text.
        """
        parts = [self.kind, self.subject_key, " ".join(self.text.split()).casefold()]
        if self.kind == "episode":
            parts += [self.origin.session, self.origin.turn]
        if self.kind == "chunk":
            parts += [self.archive, self.path, str(self.first_line), str(self.last_line)]
        data = "\0".join(parts).encode()
        return blake2b(data, digest_size=_ID_BYTES).hexdigest()


class Item(BaseModel):
    """A record as memory keeps it.

    Attributes:
        id: Of the record; unique in its namespace.
        record: With its first origin.
        origins: All of them, the first one first.
        valid_from: Since when it holds.
        valid_to: When it stopped to hold; None while it does.
        superseded_by: The id of the fact that took its place.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    record: Record
    origins: tuple[Origin, ...] = Field(min_length=1)
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None = None
    superseded_by: str | None = None


class Query(BaseModel):
    """What is looked for; facts that no longer hold are not found.

    Attributes:
        text: In the user's words.
        kinds: Which kinds of records; all when empty.
        archives: Chunks of these archives alone; the others are never found, and without any no chunk is.
        max_results: How many at most.
        min_score: The least score, 0 to 1.
        vector: Of `text`, to compare with the records' vectors; empty for words alone.
        vector_model: What made it: vectors of another model are not compared.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    kinds: tuple[Kind, ...] = ()
    archives: tuple[Line, ...] = ()
    max_results: int = Field(default=8, ge=1, le=1000)
    min_score: float = Field(default=0.0, ge=0, le=1)
    vector: tuple[float, ...] = ()
    vector_model: Text = ""


class Hit(BaseModel):
    """A record that was found.

    Attributes:
        item: The record.
        score: How much of the query it answers, 0 to 1, the same for every backend.
    """

    model_config = ConfigDict(frozen=True)

    item: Item
    score: float = Field(ge=0, le=1)


class Selection(BaseModel):
    """Which records are meant: those that fit all that is given.

    Attributes:
        ids: One of these; a prefix of 8 signs or more will do.
        subject: On this subject, capitals or not.
        before: First told before this.
        session: With an origin in this session.
        kinds: Of one of these kinds.
        archive: Of this archive.
        path: Of this file, or of a folder with all in it.
        is_current: Only those that hold (True), only those that do not (False), or both (None).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ids: tuple[Text, ...] = ()
    subject: Text | None = None
    before: AwareDatetime | None = None
    session: Text | None = None
    kinds: tuple[Kind, ...] = ()
    archive: Line | None = None
    path: Text | None = None
    is_current: bool | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it down."""
        return self == Selection()


class Counts(BaseModel):
    """How much a namespace holds.

    Attributes:
        by_kind: Records that hold, by kind.
        superseded: Facts that no longer hold.
        vectors: Records that have a vector.
    """

    model_config = ConfigDict(frozen=True)

    by_kind: dict[str, int] = Field(default_factory=dict)
    superseded: int = 0
    vectors: int = 0


class MemoryStatus(BaseModel):
    """Whether memory can be used, for people and machines.

    Attributes:
        backend: `sqlite`, `postgresql`, `neo4j` or `off`.
        place: The file or the server's address, without its password.
        is_available: Whether it answered.
        problem: Why it did not, in one sentence that says what to do; else empty.
        counts: What it holds, where it answered.
    """

    model_config = ConfigDict(frozen=True)

    backend: Literal["sqlite", "postgresql", "neo4j", "off"]
    place: str
    is_available: bool
    problem: str = ""
    counts: Counts | None = None
