"""Deciding a case: it has passed only when an assertion ran in it and none of them failed."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.inside.describing import describe
    from sandbox.inside.records import Report
else:
    from describing import describe

NOTHING_RAN = "no assertion ran"
GENERATOR = "it is a generator, so no assertion ran: remove the yield"


class Tally:
    """What the assertions of the running case did."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.start()

    def start(self) -> None:
        """Another case begins."""
        self.count = 0
        self.failure = ""

    def fail(self, detail: str) -> AssertionError:
        """An assertion failed; kept, in case somebody catches the error."""
        self.failure = self.failure or detail
        return AssertionError(detail)


class Judge:
    """Tells the report how each case ended."""

    def __init__(self, step: str, report: Report, tally: Tally, folder: str) -> None:
        """Judge by `tally`; a generated case in which nothing was asserted is set aside."""
        self._generated = step == "acceptance"
        self._report = report
        self._folder = folder
        self.tally = tally

    def start(self, name: str) -> None:
        """A case begins."""
        self._report.trying(name)
        self.tally.start()

    def came_back(self, name: str, why: str = NOTHING_RAN) -> None:
        """A case ended without an error; that alone proves nothing.

        Args:
            name: The case.
            why: What to say when no assertion ran.
        """
        failure, count = self.tally.failure, self.tally.count
        if failure:
            detail = f"{failure} (this AssertionError was swallowed)"
            self._report.case(name, passed=False, detail=detail)
        elif count:
            self._report.case(name, passed=True)
        elif self._generated:
            self._report.set_aside()
        else:
            self._report.case(name, passed=False, detail=f"{name}: {why}")

    def failed(self, name: str, error: BaseException) -> None:
        """A case ended with an error."""
        if isinstance(error, AssertionError) and error.args and isinstance(error.args[0], str):
            self.refuse(name, error.args[0])
        else:
            self.refuse(name, f"{name}: {describe(error, self._folder)}")

    def refuse(self, name: str, detail: str) -> None:
        """A case failed, for a reason of its own."""
        self._report.case(name, passed=False, detail=detail)

    def accept(self, name: str, detail: str) -> None:
        """A case passed whatever ran in it, such as one that was expected to fail."""
        self._report.case(name, passed=True, detail=detail)
