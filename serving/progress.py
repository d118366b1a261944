"""Shows on standard error what a turn is doing: alive on a terminal, in plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from graph.events import Checked, Event, NodeStarted, Restarted, Token, ToolFinished, ToolStarted
from serving import terminal
from serving.checks import describe
from serving.display import Display, Moving, Still
from serving.text import clean, one_line

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

    from nodes import ToolUse
    from sandbox import Check

_KEPT = 4000
_LINES = 8


class Progress(Display, Protocol):
    """Told of every event of a turn; shows what it likes of it."""

    def show(self, event: Event) -> None:
        """Show one event."""
        ...


def open_progress() -> Progress:
    """The progress display that fits standard error."""
    return LiveProgress() if terminal.is_terminal(sys.stderr) else PlainProgress()


def describe_use(use: ToolUse) -> str:
    """One line about a tool call: what was called, and what came of it."""
    came = {"ok": f"✓ {use.chars} characters", "given_up": "✗ given up"}.get(use.outcome, f"✗ {use.excerpt}")
    return one_line(f"{use.name}({use.arguments}) {came}")


class PlainProgress(Still):
    """One line per node and per check."""

    def show(self, event: Event) -> None:
        """Write a line for a node, a check or an answer that starts anew; tokens are left out."""
        if isinstance(event, NodeStarted):
            terminal.notice(f"{event.node} …")
        elif isinstance(event, Restarted):
            terminal.notice(f"{event.node}: {clean(event.reason)}; the answer starts anew")
        elif isinstance(event, Checked):
            terminal.notice(f"verify: {describe(event.check)}")
        elif isinstance(event, ToolFinished):
            terminal.notice(f"tools: {describe_use(event.use)}")


class LiveProgress(Moving):
    """The node at work, the last lines of what its model writes, and the checks as they pass."""

    def __init__(self) -> None:
        from rich.live import Live  # noqa: PLC0415  # a pipe need not wait for rich
        from rich.spinner import Spinner  # noqa: PLC0415  # the same

        self._console = terminal.console(sys.stderr)
        self._spinner = Spinner("dots")
        self._node = "starting"
        self._text = ""
        live = Live(
            console=self._console,
            get_renderable=self._view,
            transient=True,
            refresh_per_second=10,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        super().__init__(live)

    def show(self, event: Event) -> None:
        """Take the event into the view."""
        if isinstance(event, NodeStarted):
            self._node, self._text = event.node, ""
        elif isinstance(event, Token):
            self._text = (self._text + clean(event.text))[-_KEPT:]
        elif isinstance(event, Restarted):
            self._text = f"({clean(event.reason)}; the answer starts anew)\n"
        elif isinstance(event, Checked):
            self._print_check(event.check)
        elif isinstance(event, ToolStarted):
            self._text += f"{one_line(event.name)}({one_line(event.arguments)}) …\n"
        elif isinstance(event, ToolFinished):
            self._print_use(event.use)

    def _print_check(self, check: Check) -> None:
        from rich.text import Text  # noqa: PLC0415  # loaded by now

        style = "green" if check.passed else "red" if check.required else "yellow"
        self._console.print(Text(f"  {describe(check)}", style), no_wrap=True, overflow="ellipsis")

    def _print_use(self, use: ToolUse) -> None:
        from rich.text import Text  # noqa: PLC0415  # loaded by now

        style = "green" if use.outcome == "ok" else "yellow"
        self._console.print(Text(f"  {describe_use(use)}", style), no_wrap=True, overflow="ellipsis")

    def _view(self) -> ConsoleRenderable:
        from rich.console import Group  # noqa: PLC0415  # loaded by now
        from rich.text import Text  # noqa: PLC0415  # the same

        self._spinner.update(text=Text(self._node, "bold"))
        tail = "\n".join(self._text.splitlines()[-_LINES:])
        return Group(self._spinner, Text(tail, "dim", no_wrap=True, overflow="ellipsis"))
