"""A folder or a file into an archive: only what changed is written, each file whole or not at all."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

from memory.archives.chunks import records_of
from memory.archives.document import NotReadableError, without_credentials
from memory.archives.reading import fetch, read
from memory.archives.report import MAX_NAMED, ArchiveError, IngestReport, Progress, Skipped
from memory.archives.walking import Found, shown, walk
from memory.records import Origin, Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memory.protocol import Memory
    from memory.records import Record

MAX_FILE_BYTES: Final = 5_000_000
MAX_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Options:
    """How an archive is made.

    Attributes:
        max_file_bytes: Larger files are left out.
        is_dry_run: Whether to look and count alone.
        takes_over: Whether an archive that another folder made may be made anew from this one.
        hide: Takes credentials out of a text, and leaves the ends of its lines alone.
    """

    max_file_bytes: int = MAX_FILE_BYTES
    is_dry_run: bool = False
    takes_over: bool = False
    hide: Callable[[str], str] = str


async def ingest(  # noqa: PLR0913  # where from, where to, and how
    memory: Memory,
    namespace: str,
    archive: str,
    path: Path,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    options: Options = Options(),
) -> IngestReport:
    """Keep a folder's or a file's text as an archive, and forget what is gone from it.

    It can be cancelled at any moment: each file's chunks are then all new or all as before, and the next
    ingestion goes on. Files are read one at a time.

    Args:
        memory: Where to keep them.
        namespace: Whose memory.
        archive: The archive's name, 1 to 64 characters.
        path: The folder or the file. Of a folder, what git ignores, what is hidden, and what links elsewhere
            is left out; a file that is named is taken.
        progress: Told of each file, before it is read.
        options: How.

    Raises:
        ArchiveError: When the path cannot be read, or the archive was made from another folder.
        MemoryStoreError: When memory cannot be read or written; files that came before are kept.
    """
    check_name(archive)
    archive = " ".join(archive.split())  # as records have it
    root, found, is_whole = await asyncio.to_thread(_look, path)
    work = _Ingestion(memory, namespace, archive, root, options)
    await work.check_origin(is_whole=is_whole)
    known = dict(await memory.revisions(namespace, archive))
    if is_whole:
        await work.forget_gone(known, found)
    work.leave_out(found.skipped)
    for done, name in enumerate(found.paths):
        progress(Progress(path=name, done=done, total=len(found.paths)))
        await work.take(name, known.get(name))
    if found.paths:
        progress(Progress(path="", done=len(found.paths), total=len(found.paths)))
    return work.report()


def default_name(path: Path) -> str:
    """What an archive is called when nobody says: like its folder, or like the folder of its one file.

    Raises:
        ArchiveError: When the path cannot be read.
    """
    whole = _resolved(path)
    return shown((whole if whole.is_dir() else whole.parent).name)[:MAX_NAME]


def check_name(archive: str) -> None:
    """Make sure that an archive can be called this.

    Raises:
        ArchiveError: When it cannot.
    """
    if not archive.strip() or len(archive) > MAX_NAME or shown(archive) != archive:
        raise ArchiveError(
            f"The archive's name {shown(archive)[:MAX_NAME]!r} cannot be used: give 1 to {MAX_NAME} "
            "characters on one line."
        )


def _look(path: Path) -> tuple[Path, Found, bool]:
    """The root, what there is to read, and whether that is a whole folder."""
    whole = _resolved(path)
    if whole.is_dir():
        return whole, walk(whole), True
    if shown(whole.name) != whole.name:
        raise ArchiveError(f"{shown(str(path))} has a name that no answer could cite: rename it.")
    return whole.parent, Found(paths=[whole.name]), False


def _resolved(path: Path) -> Path:
    try:
        return path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it leads to itself"
        raise ArchiveError(f"{shown(str(path))} cannot be read: {reason}.") from None


@dataclass(slots=True)
class _Ingestion:
    """One run, and what it has done so far."""

    memory: Memory
    namespace: str
    archive: str
    root: Path
    options: Options
    counts: Counter[str] = field(default_factory=Counter)
    left_out: list[Skipped] = field(default_factory=list)
    notes: list[Skipped] = field(default_factory=list)

    @property
    def origin(self) -> Origin:
        """Where the chunks come from; the folder is in it as a hash, since other machines may read it."""
        digest = blake2b(str(self.root).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
        return Origin(source="file", turn=f"folder {digest}")

    async def check_origin(self, *, is_whole: bool) -> None:
        """Make sure that the archive is this folder's: else what it holds would count as gone.

        Raises:
            ArchiveError: When another folder made it.
        """
        if not is_whole or self.options.takes_over:
            return
        there = await self.memory.list(self.namespace, Selection(archive=self.archive), limit=1)
        if there and there[0].record.origin.turn != self.origin.turn:
            raise ArchiveError(
                f"The archive {self.archive!r} was made from another folder, whose files would be forgotten: "
                "give this one another name with --archive, or make it anew with --replace."
            )

    async def forget_gone(self, known: dict[str, str], found: Found) -> None:
        """Forget the files that are there no longer; before new ones come, which may be named like a folder.

        Raises:
            ArchiveError: When all of them are gone, as when a disk is not mounted.
        """
        present = set(found.paths)
        gone = [name for name in known if name not in present and not found.is_unseen(name)]
        if gone and not present:
            raise ArchiveError(
                f"{shown(str(self.root))} has no file to read, and the archive {self.archive!r} has "
                f"{len(known)}: if they are gone for good, run "
                f"`duograph memory forget --archive {quote(self.archive)}`."
            )
        for name in gone:
            await self._forget(name)

    def leave_out(self, skipped: Sequence[Skipped]) -> None:
        """Count and name what is left out."""
        self.counts["skipped"] += len(skipped)
        self.left_out += skipped[: max(0, MAX_NAMED - len(self.left_out))]

    async def take(self, name: str, known: str | None) -> None:
        """Deal with one file, whose revision in memory is `known`."""
        try:
            content = await asyncio.to_thread(fetch, self.root / name, self.options.max_file_bytes)
            if content.revision == known:
                self.counts["unchanged"] += 1
                return
            found, note = await read(name, content)
            document = await asyncio.to_thread(without_credentials, found, self.options.hide)
        except NotReadableError as error:
            self.leave_out([Skipped(path=name, reason=str(error))])
            if known is not None and not error.is_kept:
                await self._forget(name)
            return
        records = await asyncio.to_thread(
            records_of,
            document,
            archive=self.archive,
            path=name,
            revision=content.revision,
            origin=self.origin,
        )
        await self._keep(name, records)
        self.counts["added" if known is None else "changed"] += 1
        self.counts["chunks"] += len(records)
        if note and len(self.notes) < MAX_NAMED:
            self.notes.append(Skipped(path=name, reason=note))

    async def _keep(self, name: str, records: Sequence[Record]) -> None:
        if not self.options.is_dry_run:
            await self.memory.replace(self.namespace, self._selection(name), records)

    async def _forget(self, name: str) -> None:
        if not self.options.is_dry_run:
            await self.memory.forget(self.namespace, self._selection(name))
        self.counts["removed"] += 1

    def _selection(self, name: str) -> Selection:
        return Selection(kinds=("chunk",), archive=self.archive, path=name)

    def report(self) -> IngestReport:
        """What has been done."""
        return IngestReport(
            archive=self.archive,
            root=shown(str(self.root)),
            left_out=tuple(self.left_out),
            notes=tuple(self.notes),
            is_dry_run=self.options.is_dry_run,
            **self.counts,
        )
