"""What a verification found: the typed record that the word "verified" rests on."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

VerificationStatus = Literal["verified", "failed", "not_executed", "not_applicable"]


class SourceFile(BaseModel):
    """One file of a solution.

    Attributes:
        path: Relative POSIX path inside the solution's folder, such as `solution.py`.
        content: The whole text.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    content: str


class Case(BaseModel):
    """One assertion or test function inside a check.

    Attributes:
        name: The assertion's source or the test's name.
        passed: Whether it passed.
        isolated: Whether it was judged in a process that never loaded the solution.
        detail: What happened when it failed, with the values.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    passed: bool
    isolated: bool = False
    detail: str = ""


class Check(BaseModel):
    """One step of the ladder.

    Attributes:
        name: `parse`, `compile`, `import`, `lint`, `tests` (the user's) or `acceptance` (generated).
        passed: Whether the step found nothing wrong.
        detail: What happened, clipped; the failing assertion with its values when there is one.
        duration_s: Seconds spent on this step.
        required: Whether a failure forbids `verified`; lint advises, everything else decides.
        isolated: How many cases were judged in a process that never loaded the solution, so that it had
            no means to forge their outcome.
        shared: How many ran in one process with the solution, since they could not be judged otherwise.
        cases: The single assertions and test functions of a test step.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    passed: bool
    detail: str = ""
    duration_s: float = 0.0
    required: bool = True
    isolated: int = 0
    shared: int = 0
    cases: list[Case] = Field(default_factory=list)


class Evidence(BaseModel):
    """The outcome of one verification.

    Attributes:
        status: `verified` only when code ran in a sandbox and every required check passed.
        checks: The steps that ran, in order; a step that could not be reached is absent.
        sandbox: The backend that confined the run, or None when nothing was executed.
        reason: Why nothing was executed or nothing applied, else empty.
    """

    model_config = ConfigDict(frozen=True)

    status: VerificationStatus
    checks: list[Check] = Field(default_factory=list)
    sandbox: str | None = None
    reason: str = ""

    @property
    def failure(self) -> Check | None:
        """The first required check that failed, if any."""
        return next((check for check in self.checks if check.required and not check.passed), None)

    @property
    def score(self) -> tuple[int, int]:
        """How far a candidate came: required checks passed, then single cases passed."""
        passed = [check for check in self.checks if check.required and check.passed]
        return len(passed), sum(case.passed for check in self.checks for case in check.cases)
