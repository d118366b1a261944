"""Whose word counts: the user's tests outrank generated ones, and a generated test may itself be wrong."""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.claims import Claim, calls_in, claims_in, contradiction, parse
from sandbox.evidence import Case, Check, SourceFile
from sandbox.options import Options

_TITLE = 160
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Generated:
    """Generated tests after those were taken out that contradict the user's.

    Attributes:
        source: What is left to run; empty when nothing is.
        aside: The cases that were taken out, with the reason.
    """

    source: str
    aside: tuple[Case, ...] = ()


def without_contradictions(acceptance: str, known: Mapping[str, Sequence[Claim]]) -> Generated:
    """Take out of generated tests what says something else of a call than the user's tests do."""
    tree = parse(acceptance) if known else None
    if tree is None:
        return Generated(acceptance)
    sieve = _Sieve(known)
    try:
        sieve.visit(tree)
        if not sieve.aside:
            return Generated(acceptance)
        left = any(not isinstance(node, ast.Pass) for node in tree.body)
        return Generated(ast.unparse(ast.fix_missing_locations(tree)) if left else "", tuple(sieve.aside))
    except RecursionError:
        return Generated(acceptance)


class _Sieve(ast.NodeTransformer):
    """Replaces statements that contradict what is known."""

    def __init__(self, known: Mapping[str, Sequence[Claim]]) -> None:
        self._known = known
        self.aside: list[Case] = []

    def visit(self, node: ast.AST) -> ast.AST:
        call = contradiction(node, self._known)
        if call is None:
            return self.generic_visit(node)
        said = node.test if isinstance(node, ast.Assert) else node
        reason = f"it contradicts your test of {call}"
        self.aside.append(Case(name=title(said), passed=False, set_aside=clip_reason(reason)))
        return ast.copy_location(ast.Pass(), node)


class Settling:
    """Turns what the run said of each step into what counts."""

    def __init__(self, files: Sequence[SourceFile], tests: str, acceptance: str, options: Options) -> None:
        """Settle one verification.

        Args:
            files: The solution.
            tests: The tests that the user gave, Python source.
            acceptance: Generated tests.
            options: The examples of the request, and what is doubted.
        """
        self._files = [file.path for file in files]
        self._given = bool(tests.strip())
        self._doubted = dict(options.doubted)
        self._from_request = {title(test) for test in _asserted(options.examples)}
        self._known = claims_in(tests, options.examples) if acceptance else {}
        self._generated = without_contradictions(acceptance, self._known)
        self._green = 0
        self.tests = "\n\n".join(filter(str.strip, (tests, options.examples)))
        self.acceptance = self._generated.source

    def settle(self, check: Check, *, cut: bool = False) -> Check:
        """What counts of a step.

        Args:
            check: As the run reported it.
            cut: Whether the process ended in the middle of it.
        """
        if check.name == "tests":
            self._green = len(check.cases) if check.passed else 0
            return self._with_origin(check)
        if check.name != "acceptance":
            return check
        cases = [self._doubt(case, check, cut=cut) for case in check.cases]
        settled = _recount(check, [*cases, *self._generated.aside])
        if self._given and self._green and not settled.passed:
            # What the user gave as tests says what is right; examples of a request are not a whole suite.
            return settled.model_copy(update={"required": False})
        return settled

    def unsaid(self) -> Check | None:
        """The check on generated tests of which none was left to run."""
        if self._generated.source or not self._generated.aside:
            return None
        return _recount(Check(name="acceptance", passed=False), self._generated.aside)

    def _with_origin(self, check: Check) -> Check:
        if not self._from_request:
            return check
        cases = [
            case.model_copy(update={"origin": "request"}) if case.name in self._from_request else case
            for case in check.cases
        ]
        count = sum(case.origin == "request" for case in cases)
        detail = f"{check.detail} ({count} from the request)" if check.passed and count else check.detail
        return check.model_copy(update={"cases": cases, "detail": detail})

    def _doubt(self, case: Case, check: Check, *, cut: bool) -> Case:
        if case.passed:
            return case
        if self._green and (call := self._decided_otherwise(case)) is not None:
            reason = f"it contradicts your test of {call}, which this solution passes"
            return case.model_copy(update={"set_aside": clip_reason(reason)})
        if self._is_repeated(check, cut=cut):
            reason = "it failed in the same way on different solutions that pass all else and is called wrong"
            return case.model_copy(update={"set_aside": reason})
        return case

    def _decided_otherwise(self, case: Case) -> str | None:
        """The call to which the solution gave what the user wants and this case something else."""
        tree = parse(self._generated.source)
        name = case.name.rpartition(".")[2].partition("[")[0]
        for node in ast.walk(tree) if tree else ():
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name != name:
                continue
            for call in sorted(calls_in(node) & self._known.keys()):
                wanted = [claim.value for claim in self._known[call] if claim.kind == "equals"]
                if any(f"left is {value!r}, right is " in case.detail for value in wanted):
                    return call
        return None

    def _is_repeated(self, check: Check, *, cut: bool) -> bool:
        """Whether exactly that failed which failed on a different solution before, and enough is left.

        Tests that the user gave are enough. Otherwise at least as many cases must pass as are set aside, the
        request's examples and the other generated ones; no case may have ended the run, and at none may the
        solution itself have crashed.
        """
        failed = {case.name: case.detail for case in check.cases if not case.passed}
        if not failed or failed != self._doubted:
            return False
        if self._given and self._green:
            return True
        crashed = any(_is_crash(detail, path) for detail in failed.values() for path in self._files)
        left = self._green + sum(case.passed for case in check.cases)
        return not cut and not crashed and left >= len(failed)


def title(node: ast.AST) -> str:
    """The name of a case, as the run names it."""
    try:
        text = " ".join(ast.unparse(node).split())
    except (RecursionError, ValueError):
        text = f"line {getattr(node, 'lineno', '?')}"
    return text if len(text) <= _TITLE else f"{text[:_TITLE]} …"


def clip_reason(text: str) -> str:
    """Shorten a reason that quotes a call."""
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]} …"


def _asserted(source: str) -> list[ast.expr]:
    tree = parse(source)
    return [node.test for node in tree.body if isinstance(node, ast.Assert)] if tree else []


def _is_crash(detail: str, path: str) -> bool:
    return re.search(rf"\({re.escape(path)}, line \d+\)", detail) is not None


def _recount(check: Check, cases: Sequence[Case]) -> Check:
    """A check by those of its cases that count."""
    aside = [case for case in cases if case.set_aside]
    if not aside:
        return check
    settled = check.model_copy(update={"cases": list(cases)})
    decided = settled.decided
    failed = [case for case in decided if not case.passed]
    note = f"{len(aside)} set aside: {aside[0].name}: {aside[0].set_aside}"
    said = f"{len(decided)} passed, " if decided else ""
    if failed:
        said = f"{len(failed)} of {len(decided)} failed: {failed[0].detail or failed[0].name}\n"
    # With nothing left the tests decide nothing; what is verified then rests on the other steps.
    update = {"detail": f"{said}{note}", "passed": bool(decided) and not failed, "required": bool(decided)}
    return settled.model_copy(update=update)
