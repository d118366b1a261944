"""Run the tests that a reviewer wrote for its findings, all in one sandbox run. Calls no model, ever."""

import ast
import re
import warnings
from collections.abc import Sequence
from typing import ClassVar

from nodes.cost import Cost
from nodes.ends import StopReason
from nodes.findings import Finding, unshown
from nodes.limits import describe, seconds_left
from nodes.turn import Turn, request_of, spending_of
from nodes.verifies import Verifies
from sandbox.evidence import Case, Evidence

MAX_TESTS = 20
"""The most tests of findings that are run."""

_NAME = re.compile(r"\btest_finding_(\d+)\b")
_PREFIX = re.compile(r"^\S*\btest_finding_\d+: ")
_OWN_FAULT = re.compile(
    r"\b(?!AssertionError)\w+(?:Error|Exception)\b.*\(<acceptance>, line \d+\)$", re.DOTALL
)
"""An error, other than of an assertion, whose last place is the test: the test is wrong, not the code."""


class Demonstrate:
    """Tells of each finding with a test whether running it shows the finding."""

    cost: ClassVar[Cost] = Cost(sandbox_runs=1)

    def __init__(self, verifier: Verifies) -> None:
        self._verifier = verifier

    async def __call__(self, state: Turn) -> Turn:
        """Run the tests; a finding is shown when its test fails on the code."""
        request, spending = request_of(state), spending_of(state)
        findings = state.get("findings", [])
        waiting = unshown(findings)[:MAX_TESTS]
        left = seconds_left(request.limits, spending)
        late = Turn(stop_reason=StopReason.DEADLINE)
        if left <= 0:
            return late | Turn(findings=_undecided(findings, describe("deadline", request.limits)))
        sources = {at: source for at, one in enumerate(waiting) if (source := _as_function(at, one.test))}
        evidence = await self._run(state, "\n\n".join(sources.values()), left)
        cut = seconds_left(request.limits, spending) <= 0
        cases = {int(match[1]): case for case in _cases(evidence) if (match := _NAME.search(case.name))}
        update = Turn(
            findings=_decided(findings, waiting, sources, {} if cut else cases, _why(evidence)),
            spending=spending.model_copy(update={"sandbox_runs": spending.sandbox_runs + 1}),
        )
        return update | late if cut else update

    async def _run(self, state: Turn, tests: str, seconds: float) -> Evidence:
        if not tests:
            return Evidence(status="not_applicable")
        try:
            return await self._verifier.verify(request_of(state).attached, acceptance=tests, seconds=seconds)
        except (OSError, ValueError) as error:
            return Evidence(status="not_executed", reason=f"the sandbox could not be used ({error})")


def _decided(
    findings: Sequence[Finding],
    waiting: Sequence[Finding],
    sources: dict[int, str],
    cases: dict[int, Case],
    why: str,
) -> list[Finding]:
    """The findings with what running their tests has shown."""
    told = {}
    for at, finding in enumerate(waiting):
        if at not in sources:
            told[id(finding)] = {"detail": "its test is not valid Python"}
        elif at in cases:
            told[id(finding)] = _verdict(cases[at])
        else:
            told[id(finding)] = {"detail": why}
    decided = [finding.model_copy(update=told.get(id(finding), {})) for finding in findings]
    return _undecided(decided, f"only {MAX_TESTS} tests are run")


def _verdict(case: Case) -> dict[str, str]:
    """What one test says of its finding."""
    if case.passed:
        return {"detail": "its test passes on this code"}
    detail = _PREFIX.sub("", case.detail).strip()
    if _OWN_FAULT.search(detail):
        return {"detail": f"its test is wrong itself: {detail}"}
    return {"shown_by": "test", "detail": detail}


def _undecided(findings: Sequence[Finding], why: str) -> list[Finding]:
    """Say of the findings whose tests were not run why they were not."""
    left = {id(finding) for finding in unshown(list(findings))}
    return [f.model_copy(update={"detail": why}) if id(f) in left else f for f in findings]


def _cases(evidence: Evidence) -> list[Case]:
    return [case for check in evidence.checks if check.name == "acceptance" for case in check.cases]


def _why(evidence: Evidence) -> str:
    """Why a test has no case in the evidence."""
    if evidence.status == "not_executed":
        return f"its test was not run: {evidence.reason}"
    if evidence.failure and evidence.failure.name != "acceptance":
        return "its test was not run, because the code does not load"
    return "its test came to no assertion"


def _as_function(number: int, test: str) -> str | None:
    """A test as one function, so that each is a case of its own; nothing when it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a doubtful escape in a model's test is not our user's business
            body = ast.parse(test).body
            calls = [
                ast.Expr(ast.Call(ast.Name(node.name, ast.Load()), [], []))
                for node in body
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test") and not node.args.args
            ]
            tree = ast.parse(f"def test_finding_{number}():\n    pass")
            function = tree.body[0]
            if not isinstance(function, ast.FunctionDef) or not body:
                return None
            function.body = [*body, *calls]
            source = ast.unparse(ast.fix_missing_locations(tree))
            compile(source, "<test>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
    return source
