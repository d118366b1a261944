"""Ctrl-C and termination: one way to stop, at any moment."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE_S = 3.0
"""After the first signal, cleaning up may take this many seconds before another one ends everything."""

_BASE = 128
_STOPPING = ("SIGINT", "SIGTERM", "SIGHUP")


class Interrupted(BaseException):
    """A signal asked us to stop.

    Not a KeyboardInterrupt, which click turns into its own message and asyncio raises in mid-loop.

    Attributes:
        number: The signal.
        hint: How to go on, as one line, or nothing.
    """

    def __init__(self, number: int, hint: str = "") -> None:
        super().__init__(number)
        self.number = number
        self.hint = hint

    @property
    def exit_code(self) -> int:
        """What a shell expects of a program that this signal ended."""
        return _BASE + self.number


class Signals:
    """What the process does with SIGINT, SIGTERM and SIGHUP, from its first moment to its last.

    In sync code a signal raises `Interrupted` where it arrives; inside `handled_by` it calls
    the given function instead, which cancels a task.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._cancel: Callable[[], object] | None = None
        self._since = 0.0
        self._handled: list[int] = []

    def install(self) -> None:
        """Take the signals over, except those that our parent chose to ignore (`nohup`, `&`)."""
        for name in _STOPPING:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)
                self._handled.append(number)
        sys.unraisablehook = _quiet  # a signal may land where Python cannot raise; `received` remembers it

    def silence(self) -> None:
        """Ignore further signals, for the last words of a process that is about to end."""
        for number in self._handled:
            signal.signal(number, signal.SIG_IGN)

    def check(self) -> None:
        """Stop here if a signal came while nobody could act on it.

        Raises:
            Interrupted: When one did.
        """
        if self.received is not None:
            raise Interrupted(self.received)

    def forget(self) -> None:
        """Go on after a signal that was meant for what has just ended."""
        self.received = None

    @contextmanager
    def handled_by(self, cancel: Callable[[], object]) -> Iterator[None]:
        """Call `cancel` for the first signal here; another one after `PATIENCE_S` ends the process."""
        self._cancel = cancel
        try:
            yield
        finally:
            self._cancel = None

    def _handle(self, number: int, _frame: object) -> None:
        again, self.received = self.received is not None, number
        if self._cancel is None:
            raise Interrupted(number)
        if not again:
            self._since = time.monotonic()
            self._cancel()
        elif time.monotonic() - self._since > PATIENCE_S:
            os._exit(_BASE + number)


def _quiet(unraisable: sys.UnraisableHookArgs) -> None:
    """Report what could not be raised, but not our own interrupt."""
    if not isinstance(unraisable.exc_value, Interrupted):
        sys.__unraisablehook__(unraisable)
