"""`duograph pull`: fetch an MLX model, with a bar on terminals and lines for programs."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol

from serving import exits, terminal
from serving.display import Display, Moving, Still
from serving.faults import OutputError
from serving.signals import Interrupted
from serving.text import counted

if TYPE_CHECKING:
    from providers.mlx.hub import Plan

_EVERY_S = 1.0
"""Seconds between two lines of progress, for programs."""


class _Display(Display, Protocol):
    def show(self, plan: Plan, done: int) -> None: ...


def pull(model: str, *, as_json: bool) -> int:
    """Fetch a model and give the exit code.

    Args:
        model: A hub id.
        as_json: Whether to print an object per line: `start`, `progress` and `done`.

    Raises:
        PullError: When the hub has no such MLX model, or breaks off.
        OutputError: When the disk is full.
        Interrupted: When a signal came; its hint says how to go on.
    """
    with terminal.starting():
        from providers.mlx.hub import NoSpaceError, make_plan  # noqa: PLC0415  # bodies load when they run
        from providers.mlx.pull import gigabytes  # noqa: PLC0415  # the same
        from providers.mlx.pull import pull as fetch  # noqa: PLC0415  # the same

    try:
        plan = make_plan(model)
        size = gigabytes(plan.total_bytes)
        if not as_json:
            terminal.notice(f"{plan.model}: {counted(len(plan.files), 'file')}, {size}")
        with _display(as_json=as_json) as display:
            folder = fetch(model, display.show, plan=plan)
    except Interrupted as stop:
        raise Interrupted(stop.number, "run the same command again, it goes on.") from None
    except NoSpaceError as error:
        raise OutputError(str(error)) from None
    if as_json:
        done = {
            "event": "done",
            "model": f"mlx:{plan.model}",
            "folder": str(folder),
            "bytes": plan.total_bytes,
        }
        terminal.json_object(done)
    else:
        terminal.line(f"mlx:{plan.model} is ready ({size}): {folder}")
    return exits.DONE


def _display(*, as_json: bool) -> _Display:
    if as_json:
        return _Lines()
    return _Bar() if terminal.is_terminal(sys.stderr) else _Silence()


class _Silence(Still):
    """Nothing, in a pipe: the notice before and the line after say it all."""

    def show(self, plan: Plan, done: int) -> None:
        """Show nothing."""


class _Lines(_Silence):
    """One JSON object at the start, and one a second."""

    def __init__(self) -> None:
        self._last: float | None = None

    def show(self, plan: Plan, done: int) -> None:
        now = time.monotonic()
        total = plan.total_bytes
        if self._last is None:
            files = len(plan.files)
            terminal.json_object(
                {"event": "start", "model": plan.model, "files": files, "bytes": done, "total": total}
            )
        elif now - self._last >= _EVERY_S:
            terminal.json_object({"event": "progress", "model": plan.model, "bytes": done, "total": total})
        else:
            return
        self._last = now


class _Bar(Moving):
    """A bar with the rate and the time left, on standard error."""

    def __init__(self) -> None:
        from rich import progress  # noqa: PLC0415  # a pipe need not wait for rich

        self._progress = progress.Progress(
            progress.BarColumn(),
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(),
            console=terminal.console(sys.stderr),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)
        super().__init__(self._progress)

    def show(self, plan: Plan, done: int) -> None:
        self._progress.update(self._task, total=plan.total_bytes, completed=done)
