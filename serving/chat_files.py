"""The files of a conversation: tests that its next code must pass, and the folder for its solutions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from serving import terminal
from serving.delivery import say_written
from serving.faults import InputError
from serving.files import Destination
from serving.inputs import read_tests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nodes import Result
    from sandbox import SourceFile


class ChatFiles:
    """What `/tests` and `/out` chose.

    Attributes:
        tests: The tests for the next request, or nothing.
    """

    def __init__(self) -> None:
        self.tests = ""
        self._destination: Destination | None = None

    def choose_tests(self, path: str) -> None:
        """Read the tests of `/tests`; without a path there are none any more.

        Raises:
            InputError: When they cannot be read.
        """
        if path == "-":
            raise InputError("/tests needs a file here: standard input is the conversation.")
        self.tests = read_tests(path) if path else ""
        terminal.notice(
            "your next request is code that must pass these tests; they stay until a solution was run "
            "against them"
            if path
            else "no tests"
        )

    def settle_tests(self, result: Result) -> None:
        """Drop the tests once they have judged a solution, and say so when they have not."""
        if result.route == "code" and result.verification.status in {"verified", "failed"}:
            self.tests = ""
        elif self.tests and result.status != "waiting":
            terminal.notice("the tests were not used and stay for the next request; /tests drops them")

    def choose_folder(self, folder: str) -> None:
        """Take the folder of `/out`; without one, solutions are not written any more.

        Raises:
            InputError: When nothing can be written there.
        """
        destination = Destination(Path(folder)) if folder else None
        if destination:
            destination.check()
        self._destination = destination
        terminal.notice(f"solutions go to {folder}" if folder else "solutions are not written")

    def write(self, result: Result) -> None:
        """Write a turn's solution into the folder that was chosen, if there are both.

        Raises:
            InputError: When it cannot be written.
        """
        if self._destination and result.files:
            say_written(result, self._destination.write(result.files))


def save(folder: str, solution: Callable[[], Sequence[SourceFile]]) -> None:
    """Write the session's last solution, which is asked for once the folder of `/save` can be written to.

    Raises:
        InputError: When there is no folder or solution, or it cannot be written.
    """
    if not folder:
        raise InputError("/save needs a folder: name one to write the last solution to.")
    destination = Destination(Path(folder))
    destination.check()
    files = solution()
    if not files:
        raise InputError("This session has no solution yet: ask for code first.")
    for place in destination.write(files):
        terminal.notice(f"wrote {place}")
