"""Shows on standard error how far a benchmark is: a bar on a terminal, a line per turn elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from serving import terminal
from serving.display import Display, Moving, Still
from serving.text import one_line

if TYPE_CHECKING:
    from serving.bench.records import Record

_MARKS = {True: "✓", False: "✗", None: "?"}
_CLIPPED = 120


class BenchProgress(Display, Protocol):
    """Told of every turn."""

    def show(self, record: Record) -> None:
        """Show one turn that has ended."""
        ...


def open_progress(total: int) -> BenchProgress:
    """The display that fits standard error, for so many turns."""
    return LiveProgress(total) if terminal.is_terminal(sys.stderr) else PlainProgress(total)


def describe(record: Record) -> str:
    """One turn as one line, clipped."""
    line = f"{record.mode} {record.id} {_MARKS[record.correct]} {record.seconds:.1f} s"
    if record.problem:
        line += f" {record.problem[:_CLIPPED]}"
    return one_line(line)


class PlainProgress(Still):
    """One line per turn."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def show(self, record: Record) -> None:
        """Write a line."""
        self._done += 1
        terminal.notice(f"{self._done}/{self._total} {describe(record)}")


class LiveProgress(Moving):
    """A bar with the time that is left, and above it the turns that were not right."""

    def __init__(self, total: int) -> None:
        # A pipe need not wait for rich.
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._console = terminal.console(sys.stderr)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._all = self._bar.add_task("bench", total=total)
        super().__init__(self._bar)

    def show(self, record: Record) -> None:
        """Move the bar on."""
        from rich.text import Text  # noqa: PLC0415  # loaded by now

        if not record.correct:
            style = "red" if record.correct is False else "yellow"
            self._console.print(Text(f"  {describe(record)}", style), no_wrap=True, overflow="ellipsis")
        self._bar.update(self._all, advance=1, description=one_line(f"{record.mode} {record.id}"))
