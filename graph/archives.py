"""Ingesting a folder, and then its vectors, where they are compared."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from graph.vectors import fill_vectors
from memory.archives import ArchiveError, IngestReport, Options, default_name, ingest
from providers.scrub import hide_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from memory.archives import Progress
    from memory.protocol import Memory
    from providers.embedding import Embedder


class Ingested(BaseModel):
    """What an ingestion did.

    Attributes:
        report: The files.
        vectors: How many records got a vector.
        problem: Why some have none, in one sentence; else empty.
    """

    model_config = ConfigDict(frozen=True)

    report: IngestReport
    vectors: int = 0
    problem: str = ""


async def ingest_folder(  # noqa: PLR0913  # where from, where to, and how
    memory: Memory,
    namespace: str,
    path: str | Path,
    *,
    archive: str | None = None,
    embedder: Embedder | None = None,
    options: Options | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    embedded: Callable[[int], None] = lambda _: None,
) -> Ingested:
    """Keep a folder's or a file's text as an archive; see `memory.archives.ingest`.

    Args:
        memory: Where to keep it.
        namespace: Whose memory.
        path: The folder or the file; `.` is the working directory, and empty is nothing.
        archive: The archive's name; the folder's own when left out.
        embedder: Makes vectors of what has none; words alone are searched when left out.
        options: How files are read; credentials are hidden in any case.
        progress: Told of each file, before it is read.
        embedded: Told how many records have got a vector so far.

    Raises:
        ArchiveError: When the path cannot be read, or the archive was made from another folder.
        MemoryStoreError: When memory cannot be read or written; files that came before are kept.
    """
    options = options or Options()
    hidden = options.hide
    options = replace(options, hide=lambda text: hide_credentials(hidden(text)))
    if not str(path):  # such as a variable that is not set; to `Path` it would be the working directory
        raise ArchiveError("The path is empty: give a folder or a file.")
    where = Path(path)
    name = await asyncio.to_thread(default_name, where) if archive is None else archive
    report = await ingest(memory, namespace, name, where, progress=progress, options=options)
    if embedder is None or options.is_dry_run:
        return Ingested(report=report)
    filled = await fill_vectors(memory, namespace, embedder, progress=embedded)
    return Ingested(report=report, vectors=filled.count, problem=filled.problem)
