"""What an ingestion did, and why it did not."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

MAX_NAMED: Final = 1000
"""So many files that were left out are named; all are counted."""


class ArchiveError(Exception):
    """A folder or file cannot be ingested; one sentence says why and what to do."""


class Skipped(BaseModel):
    """Something that was left out.

    Attributes:
        path: Relative to what was ingested.
        reason: Why, as words that go after its name.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    reason: str


class IngestReport(BaseModel):
    """What became of an archive's files.

    Attributes:
        archive: Its name.
        root: The folder that paths are relative to.
        added: Files that are new.
        changed: Files whose chunks were put in the place of older ones.
        unchanged: Files that were not touched.
        removed: Files that are gone, or are left out now, and were forgotten.
        skipped: Files and folders that were left out.
        chunks: How many were written.
        left_out: What was left out, with reasons; at most `MAX_NAMED`.
        notes: What was guessed, such as an encoding; at most `MAX_NAMED`.
        is_dry_run: Whether nothing was written.
    """

    model_config = ConfigDict(frozen=True)

    archive: str
    root: str
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: int = 0
    chunks: int = 0
    left_out: tuple[Skipped, ...] = ()
    notes: tuple[Skipped, ...] = ()
    is_dry_run: bool = False


class Progress(BaseModel):
    """How far an ingestion is.

    Attributes:
        path: The file that is next.
        done: Files that are dealt with.
        total: All files.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    done: int = Field(ge=0)
    total: int = Field(ge=0)
