"""What a verification found: the typed record that the word "verified" rests on."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

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
        name: The assertion's source, or the function's name.
        passed: Whether an assertion ran in it and none failed.
        isolated: Whether it was judged in a process that never loaded the solution, so that the solution
            had no means to forge the outcome.
        detail: Why not; the values where there are any.
        origin: `request` for an example that stood in the request, else empty.
        set_aside: Why a generated test is not obeyed, else empty.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    passed: bool
    isolated: bool = False
    detail: str = ""
    origin: Literal["", "request"] = ""
    set_aside: str = ""


class Diagnostic(BaseModel):
    """One finding of the linter or the type checker.

    Attributes:
        file: Relative path inside the solution's folder.
        line: Counted from 1; 0 where it is about the whole file.
        code: The rule, such as `F821` or `return-value`.
        message: What the tool says.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.code} {self.message}"


class Check(BaseModel):
    """One step of the ladder.

    Attributes:
        name: `parse`, `compile`, `import`, `lint`, `types`, `tests` (the user's) or `acceptance` (generated).
        passed: Whether the step found nothing wrong.
        detail: What happened, clipped; the failing assertion with its values when there is one.
        duration_s: Seconds spent on this step.
        required: Whether a failure forbids `verified`; lint advises, everything else decides.
        executed: False for a step that was asked for and could not run; `detail` says why.
        command: What a person could run to see the same, in the solution's folder with the user's tests in
            `tests.py` and the generated ones in `acceptance.py`.
        exit_code: Of the process that ended in this step, negative for a signal. None where none did: the
            steps from parse to acceptance share one process, which goes on to the next.
        output: The last of what the solution had printed by then, clipped; empty where nothing of it ran.
        cases: The single assertions and test functions of a test step.
        findings: What the linter or the type checker found.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    passed: bool
    detail: str = ""
    duration_s: float = 0.0
    required: bool = True
    executed: bool = True
    command: str = ""
    exit_code: int | None = None
    output: str = ""
    cases: list[Case] = Field(default_factory=list)
    findings: list[Diagnostic] = Field(default_factory=list)

    @property
    def decided(self) -> list[Case]:
        """The cases that count: those that were not set aside."""
        return [case for case in self.cases if not case.set_aside]

    @property
    def set_aside(self) -> list[Case]:
        """The cases that were not obeyed, each with the reason."""
        return [case for case in self.cases if case.set_aside]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def isolated(self) -> int:
        """How many of the decided cases were judged in a process that never loaded the solution."""
        return sum(case.isolated for case in self.decided)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def shared(self) -> int:
        """How many of them ran in one process with the solution, since they could not be judged otherwise."""
        return len(self.decided) - self.isolated


class Evidence(BaseModel):
    """The outcome of one verification.

    Attributes:
        status: `verified` only when code ran in a sandbox and every required check passed.
        checks: The steps in order; one that could not be reached is absent.
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
        """The first required check that ran and failed, if any."""
        failed = (check for check in self.checks if check.required and check.executed and not check.passed)
        return next(failed, None)

    @property
    def set_aside(self) -> list[Case]:
        """The generated tests that were not obeyed, each with the reason."""
        return [case for check in self.checks for case in check.set_aside]

    @property
    def score(self) -> tuple[int, int]:
        """How far a candidate came: required checks passed, then single cases passed."""
        passed = [check for check in self.checks if check.required and check.passed]
        return len(passed), sum(case.passed for check in self.checks for case in check.cases)
