"""Evidence in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.text import clean, one_line

if TYPE_CHECKING:
    from sandbox.evidence import Check, Evidence

_CLIPPED = 200


def describe(check: Check) -> str:
    """One check as one line, clipped."""
    line = f"{check.name} {'✓' if check.passed else '✗' if check.executed else 'not executed'}"
    if not check.passed and check.detail:
        line += f" {one_line(check.detail)[:_CLIPPED]}"
    return line


def report(check: Check) -> str:
    """One check in full: its line, then what failed and how a person can see it, indented."""
    advice = "" if check.required or check.passed else " (advice)"
    asked = sum(case.origin == "request" for case in check.cases)
    origin = f" ({asked} from the request)" if asked else ""
    total = check.isolated + check.shared
    outside = f" ({check.isolated} of {total} judged from outside)" if total else ""
    lines = [f"{'✓' if check.passed else '✗'} {check.name}{advice}{origin}{outside}"]
    failed = [case for case in check.decided if not case.passed]
    details = [
        case.detail if case.detail.startswith(case.name) else f"{case.name}: {case.detail}" for case in failed
    ]
    details += [f"set aside: {case.name}: {case.set_aside}" for case in check.set_aside]
    if not check.passed:
        details = [*(details or [check.detail]), *_how(check)]
    for detail in details:
        lines += [f"    {line}" for line in clean(detail).strip().splitlines()]
    return "\n".join(lines)


def _how(check: Check) -> list[str]:
    """What a failed check printed, how its process ended, and the command that repeats it."""
    printed = [f"printed: {check.output}"] if check.output else []
    ended = f" (exit code {check.exit_code})" if check.exit_code is not None else ""
    return [*printed, f"$ {check.command}{ended}"] if check.command and check.executed else printed


def verdict(evidence: Evidence) -> str:
    """The status, where it was found, and why when there is more to say."""
    where = f" in {evidence.sandbox}" if evidence.sandbox else ""
    if evidence.sandbox == "none":
        where = " without any sandbox"
    why = f": {one_line(evidence.reason)}" if evidence.reason else ""
    if evidence.status == "verified" and not any(check.decided for check in evidence.checks):
        why = ": no test was run, so this shows only that it loads"
    return f"{evidence.status.replace('_', ' ')}{where}{why}"
