"""Deciding a case: it has passed only when an assertion ran in it and none of them failed."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.inside.describing import describe
    from sandbox.inside.records import Report
    from sandbox.inside.session import Session
    from sandbox.inside.shared import SharedReport
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
        self.liar = False

    def fail(self, detail: str) -> AssertionError:
        """An assertion failed; kept, in case somebody catches the error."""
        self.failure = self.failure or detail
        return AssertionError(detail)

    def catch(self, detail: str) -> AssertionError:
        """An object claimed an equality that is not to be believed."""
        self.liar = True
        return self.fail(detail)


class Judge:
    """Tells the report how each case ended, or keeps for later what cannot be decided here."""

    def __init__(
        self,
        step: str,
        report: Report | SharedReport,
        tally: Tally,
        folder: str,
        session: Session | None = None,
    ) -> None:
        """Judge by `tally`; a generated case in which nothing was asserted is set aside.

        Args:
            step: `tests` or `acceptance`.
            report: Hears the outcomes.
            tally: What assertions did.
            folder: Where the solution is.
            session: The way to the solution when it runs in a process of its own.
        """
        self._generated = step == "acceptance"
        self._report = report
        self._folder = folder
        self._session = session
        if session is not None:
            session.caught = tally.catch
        self._key = ""
        self.tally = tally
        self.decided: set[str] = set()
        self.deferred: dict[str, str] = {}
        # Whether there may be cases that could not even begin.
        self.rest = False

    @property
    def outside(self) -> bool:
        """Whether the solution runs in another process."""
        return self._session is not None

    def start(self, name: str, key: str = "") -> None:
        """A case begins; `key` tells it from others of that name."""
        self._key = key or name
        if self._session is not None:
            self._session.begin(lasting=self._key.startswith("#"))
        self._report.trying(name, self._key)
        self.tally.start()

    def defer(self, name: str, key: str = "") -> None:
        """A case needs the solution in its own process."""
        self.deferred[key or name] = name

    def came_back(self, name: str, why: str = NOTHING_RAN) -> None:
        """A case ended without an error; that alone proves nothing.

        Args:
            name: The case.
            why: What to say when no assertion ran.
        """
        failure, count = self.tally.failure, self.tally.count
        if failure:
            self._decide(name, passed=False, detail=f"{failure} (this AssertionError was swallowed)")
        elif count:
            self._decide(name, passed=True)
        elif self._generated and not self._doubtful(passed=False):
            self.decided.add(self._key)
            self._report.set_aside(self._key)
        else:
            self._decide(name, passed=False, detail=f"{name}: {why}")

    def failed(self, name: str, error: BaseException) -> None:
        """A case ended with an error."""
        self.refuse(name, self.detail(name, error))

    def refuse(self, name: str, detail: str) -> None:
        """A case failed, for a reason of its own."""
        self._decide(name, passed=False, detail=detail)

    def about(self, name: str) -> None:
        """What follows is about a case that may not have begun."""
        self._key = name

    def broke(self, name: str, detail: str) -> None:
        """Something that is no case went wrong, so that others could not run."""
        self._key = name
        if self._doubtful(passed=False):
            self.rest = True
        else:
            self._decide(name, passed=False, detail=detail)

    def detail(self, name: str, error: BaseException) -> str:
        """An error in words."""
        if isinstance(error, AssertionError) and error.args and isinstance(error.args[0], str):
            return error.args[0]
        return f"{name}: {describe(error, self._folder)}"

    def _doubtful(self, *, passed: bool) -> bool:
        if self._session is None:
            return False
        # An equality that no honest object claims is found out here as well as anywhere.
        certain = not passed and self.tally.liar and not self._session.doubt
        return not certain and self._session.open_to_doubt(passed=passed)

    def _decide(self, name: str, *, passed: bool, detail: str = "") -> None:
        if self._doubtful(passed=passed):
            self.deferred[self._key] = name
            return
        self.decided.add(self._key)
        self._report.case(
            name, passed=passed, detail=detail, key=self._key, outside=self._session is not None
        )
