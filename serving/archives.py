"""`duograph memory ingest|archives`: folders into memory, with a bar on terminals."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from graph.archives import ingest_folder
from graph.memory import compares_vectors
from graph.saver import open_sessions
from graph.services import embedding_models
from memory.archives import Options
from serving import exits, terminal
from serving.display import Display, Moving, Still
from serving.memory_opening import opened, say_none, settings_of
from serving.running import Runner
from serving.signals import Interrupted
from serving.text import counted, one_line
from serving.there import to_look_at

if TYPE_CHECKING:
    from graph.archives import Ingested
    from graph.settings import Settings
    from memory.archives import IngestReport, Progress
    from serving.signals import Signals

_MOST_NAMED = 20
"""So many files that are left out are named to people; JSON has them all."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be ingested.

    Attributes:
        path: A folder or a file.
        archive: The archive's name; like its folder when None.
        user: Whose memory; as configured when None.
        max_file_mb: Larger files are left out, in megabytes.
    """

    path: str
    archive: str | None = None
    user: str | None = None
    max_file_mb: float = 5.0


def ingest(wanted: Wanted, signals: Signals, *, replace: bool, dry_run: bool, as_json: bool) -> int:
    """Ingest a folder and give the exit code.

    Args:
        wanted: What, and where to.
        signals: How this process is stopped.
        replace: Whether an archive that another folder made may be made anew.
        dry_run: Whether to look and count alone.
        as_json: Whether JSON is printed.

    Raises:
        ArchiveError: When the path cannot be read, or the archive was made from another folder.
        MemoryStoreError: When memory cannot be read or written.
        InputError: When there is no memory.
        Interrupted: When a signal came; every file is then whole or as before.
    """
    settings = settings_of(wanted.user)
    options = Options(round(wanted.max_file_mb * 1e6), is_dry_run=dry_run, takes_over=replace)

    async def work() -> Ingested:
        embedder = models if compares_vectors(settings) else None
        async with opened(settings) as memory:
            try:
                with _display() as display:
                    return await ingest_folder(
                        *(memory, settings.user, wanted.path),
                        archive=wanted.archive,
                        embedder=embedder,
                        options=options,
                        progress=display.show,
                        embedded=display.embedded,
                    )
            finally:
                await models.aclose()

    models = embedding_models(settings)
    try:
        with _sessions(settings, dry_run=dry_run), Runner(signals) as runner:
            done = runner.run(work)
    except Interrupted as stop:
        raise Interrupted(stop.number, "run the same command again, it goes on.") from None
    _tell(done, as_json=as_json)
    return exits.DONE


def list_archives(signals: Signals, *, user: str | None, as_json: bool) -> int:
    """Print the archives and give the exit code.

    Raises:
        MemoryStoreError: When memory cannot be read.
        InputError: When there is no memory.
    """
    settings = settings_of(user)
    looked_at = settings if settings.neo4j_uri else to_look_at(settings)

    async def work() -> dict[str, int]:
        async with opened(looked_at) as memory:
            return dict(await memory.archives(settings.user))

    with Runner(signals) as runner:
        found = runner.run(work)
    if as_json:
        terminal.json_object([{"archive": name, "chunks": found[name]} for name in sorted(found)])
    elif not found:
        say_none(settings, "duograph: there are no archives yet; `duograph memory ingest PATH` makes one.")
    else:
        for name in sorted(found):
            terminal.line(f"{one_line(name)}\t{counted(found[name], 'chunk')}")
    return exits.DONE


def _sessions(settings: Settings, *, dry_run: bool) -> AbstractContextManager[object]:
    """The sessions' database, which memory lies in: made when it is missing, and open as long as we write.

    SQLite would tidy up after each file, if the memory's connection were the last one each time.
    """
    return nullcontext() if dry_run or settings.neo4j_uri else open_sessions(settings)


def _tell(done: Ingested, *, as_json: bool) -> None:
    report = done.report
    for each in (*report.left_out, *report.notes)[: 0 if as_json else _MOST_NAMED]:
        terminal.notice(f"duograph: {each.path} {each.reason}")
    if not as_json and report.skipped > _MOST_NAMED:
        terminal.notice(f"duograph: and {report.skipped - _MOST_NAMED} more; --json names them.")
    if done.problem:
        terminal.notice(f"duograph: {done.problem}")
    if as_json:
        vectors = {"vectors": done.vectors, "problem": done.problem}
        terminal.json_object(report.model_dump(mode="json") | vectors)
        return
    terminal.line(_summary(report, done.vectors))


def _summary(report: IngestReport, vectors: int) -> str:
    counts = {name: getattr(report, name) for name in ("added", "changed", "unchanged", "removed", "skipped")}
    files = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no files"
    would = "would be " if report.is_dry_run else ""
    more = f", {counted(vectors, 'vector')}" if vectors else ""
    return f"archive {report.archive}: {would}{files}; {counted(report.chunks, 'chunk')}{more}"


class _Display(Display, Protocol):
    def show(self, progress: Progress) -> None: ...

    def embedded(self, count: int) -> None: ...


def _display() -> _Display:
    return _Bar() if terminal.is_terminal(sys.stderr) else _Silence()


class _Silence(Still):
    """Nothing, in a pipe: the line at the end says it all."""

    def show(self, progress: Progress) -> None:
        """Show nothing."""

    def embedded(self, count: int) -> None:
        """Show nothing."""


class _Bar(Moving):
    """A bar with the file that is read, on standard error."""

    def __init__(self) -> None:
        from rich import progress  # noqa: PLC0415  # a pipe need not wait for rich

        self._progress = progress.Progress(
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.fields[what]}", markup=False),
            console=terminal.console(sys.stderr),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, what="")
        super().__init__(self._progress)

    def show(self, progress: Progress) -> None:
        self._progress.update(
            self._task, total=progress.total, completed=progress.done, what=one_line(progress.path)
        )

    def embedded(self, count: int) -> None:
        self._progress.update(self._task, total=None, completed=count, what="vectors")
