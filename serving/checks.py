"""Evidence in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.text import clean, one_line

if TYPE_CHECKING:
    from sandbox.evidence import Check, Evidence

_CLIPPED = 200


def describe(check: Check) -> str:
    """One check as one line, clipped."""
    line = f"{check.name} {'✓' if check.passed else '✗'}"
    if not check.passed and check.detail:
        line += f" {one_line(check.detail)[:_CLIPPED]}"
    return line


def report(check: Check) -> str:
    """One check in full: its line, then what failed, indented."""
    advice = "" if check.required or check.passed else " (advice)"
    total = check.isolated + check.shared
    outside = f" ({check.isolated} of {total} judged from outside)" if total else ""
    lines = [f"{'✓' if check.passed else '✗'} {check.name}{outside}{advice}"]
    failed = [case for case in check.cases if not case.passed]
    details = [
        case.detail if case.detail.startswith(case.name) else f"{case.name}: {case.detail}" for case in failed
    ]
    if not check.passed and not details:
        details = [check.detail]
    for detail in details:
        lines += [f"    {line}" for line in clean(detail).strip().splitlines()]
    return "\n".join(lines)


def verdict(evidence: Evidence) -> str:
    """The status, where it was found, and why when there is more to say."""
    where = f" in {evidence.sandbox}" if evidence.sandbox else ""
    why = f": {one_line(evidence.reason)}" if evidence.reason else ""
    return f"{evidence.status.replace('_', ' ')}{where}{why}"
