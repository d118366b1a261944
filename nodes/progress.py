"""Whether a repair got anywhere: the turn ends, or escalates, when trying on the same way would not help."""

import hashlib
from collections.abc import Sequence

from nodes.turn import Turn
from sandbox.evidence import Evidence, SourceFile


def digest(files: Sequence[SourceFile]) -> str:
    """A short name for exactly these files."""
    text = "\0".join(f"{file.path}\0{file.content}" for file in sorted(files, key=lambda file: file.path))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def passed(evidence: Evidence) -> frozenset[str]:
    """What passed, check by check and case by case."""
    checks = {check.name for check in evidence.checks if check.passed and check.required}
    cases = {f"{check.name}: {case.name}" for check in evidence.checks for case in check.cases if case.passed}
    return frozenset(checks | cases)


def is_better(new: Evidence, old: Evidence) -> bool:
    """Whether `new` may take the place of `old`: it is proved, or passes more and breaks nothing.

    One proved candidate does not take another's place here: that is for the review to say.
    """
    if new.status == "verified" or old.status == "verified":
        return old.status != "verified"
    return passed(old) <= passed(new) and new.score > old.score


def failure_of(evidence: Evidence) -> str:
    """The failing check and its message; the same text twice means that nothing moved."""
    failure = evidence.failure
    return f"{failure.name}: {failure.detail}" if failure else ""


def is_stuck(state: Turn, evidence: Evidence) -> bool:
    """Whether the last repair brought the same code, the same failure, or broke what had passed."""
    if state.get("repairs", 0) == 0:
        return False
    best = state.get("best")
    broke = best is not None and not passed(best.evidence) <= passed(evidence)
    if not state.get("files"):
        return False  # no code at all is worth one more try for as long as there are repairs
    same_failure = bool(failure_of(evidence)) and failure_of(evidence) == state.get("last_failure")
    return broke or same_failure or digest(state.get("files", [])) in state.get("tried", [])
