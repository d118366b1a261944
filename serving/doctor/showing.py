"""Shows the checks as they end: with a spinner on a terminal, in plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from serving import terminal
from serving.display import Display, Moving, Still

if TYPE_CHECKING:
    from serving.doctor.finding import Finding, Status

_MARKS: dict[Status, str] = {"ok": "✓", "warn": "!", "fail": "✗"}
_STYLES: dict[Status, str] = {"ok": "green", "warn": "yellow", "fail": "red"}
_WIDTH = 12


class Showing(Display, Protocol):
    """Told of every check; a context manager for as long as checks run."""

    def begin(self, name: str) -> None:
        """Say which check is waited for."""
        ...

    def show(self, finding: Finding) -> None:
        """Show what a check found."""
        ...


def open_showing(*, as_json: bool) -> Showing:
    """The display that fits: none where an object is printed at the end."""
    if as_json:
        return Silent()
    return Live() if terminal.is_terminal(sys.stdout) and terminal.is_terminal(sys.stderr) else Plain()


class Silent(Still):
    """Shows nothing."""

    def begin(self, name: str) -> None:
        """Stay silent."""

    def show(self, finding: Finding) -> None:
        """Stay silent."""


class Plain(Silent):
    """One line for each check, on standard output."""

    def show(self, finding: Finding) -> None:
        """Print the line."""
        terminal.line(f"{_MARKS[finding.status]} {finding.name:<{_WIDTH}} {finding.detail}")


class Live(Moving):
    """The same in colour, and below it what is waited for."""

    def __init__(self) -> None:
        from rich.status import Status as Spinner  # noqa: PLC0415  # a pipe need not wait for rich

        self._console = terminal.console(sys.stdout)
        self._spinner = Spinner("starting", console=self._console)
        super().__init__(self._spinner)

    def begin(self, name: str) -> None:
        """Say beside the spinner what is waited for."""
        from rich.text import Text  # noqa: PLC0415  # loaded by now

        self._spinner.update(Text(name))

    def show(self, finding: Finding) -> None:
        """Print the line above the spinner."""
        from rich.text import Text  # noqa: PLC0415  # loaded by now

        line = Text.assemble(
            (f"{_MARKS[finding.status]} {finding.name:<{_WIDTH}} ", _STYLES[finding.status]), finding.detail
        )
        self._console.print(line)
