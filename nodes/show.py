"""How files and evidence are written down, for models and for people alike."""

from collections.abc import Sequence
from textwrap import indent

from nodes.findings import Finding
from sandbox.evidence import Check, Evidence, SourceFile

_MOST_CASES = 8
_LANGUAGES = {".py": "python", ".md": "markdown", ".json": "json", ".toml": "toml", ".yaml": "yaml"}


def show_files(files: Sequence[SourceFile]) -> str:
    """Files as fenced blocks with their paths, the way the coder is asked to write them."""
    return "\n\n".join(_show_file(file) for file in files)


def _show_file(file: SourceFile) -> str:
    """One fenced block; the fence is longer than any inside the file."""
    dot = file.path.rfind(".")
    language = _LANGUAGES.get(file.path[dot:], "text") if dot >= 0 else "text"
    ticks = "```"
    while ticks in file.content:
        ticks += "`"
    return f"{ticks}{language} {file.path}\n{file.content.rstrip()}\n{ticks}"


def show_failure(evidence: Evidence) -> str:
    """What went wrong, check by check, as the sandbox reported it; empty when nothing did."""
    lines = [
        _show_problem(check) + _show_failed(check)
        for check in evidence.checks
        if not check.passed or check.set_aside
    ]
    return "\n".join(lines) or evidence.reason


def show_numbered(files: Sequence[SourceFile]) -> str:
    """Files with the number of each line, for whoever must name lines."""
    return "\n\n".join(
        "\n".join([file.path, *(f"{at:>5} | {line}" for at, line in enumerate(file.content.splitlines(), 1))])
        for file in files
    )


def show_checks(evidence: Evidence) -> str:
    """Every check and what it said, as the sandbox reported it."""
    lines = [
        f"{show_check(check)}: {'passed' if check.passed else check.detail or 'failed'}"
        for check in evidence.checks
    ]
    return "\n".join(lines) or f"not executed: {evidence.reason}"


def show_findings(findings: Sequence[Finding]) -> str:
    """A review's findings, numbered, each with what shows it; empty when there are none."""
    return "\n\n".join(f"{at}. {_show_finding(found)}" for at, found in enumerate(findings, 1))


def _show_finding(found: Finding) -> str:
    """One finding: where, how grave, what, and whether anything shows it."""
    place = f"`{found.file}`" + (f", line {found.line}" if found.line else "")
    test = indent(f"```python\n{found.test.strip()}\n```", "   ")
    detail = indent(found.detail.strip(), "       ")
    if found.shown_by == "test":
        proof = f"Shown by running this test, which fails:\n\n{test}\n\n{detail}"
    elif found.shown_by:
        proof = f"Shown by the check {found.shown_by}." + (f"\n\n{detail}" if found.detail else "")
    else:
        proof = f"Not shown: {found.detail or 'the reviewing model says so'}."
    return f"**{found.severity}** {place}: {found.message}\n   {proof}"


def _show_problem(check: Check) -> str:
    """A check's detail, and what the solution had printed by then."""
    printed = "" if check.passed or not check.output else f"\noutput: {check.output}"
    return f"{check.name}: {check.detail}{printed}"


def _show_failed(check: Check) -> str:
    """The failed cases by their names, where the check's own words do not name them all."""
    failed = [case for case in check.decided if not case.passed]
    if all(check.detail.startswith((f"1 of {len(check.decided)} failed: {case.name}:",)) for case in failed):
        return ""
    lines = [f"- {case.name}: {case.detail.removeprefix(f'{case.name}: ')}" for case in failed[:_MOST_CASES]]
    return "\n" + "\n".join(lines)


def show_check(check: Check) -> str:
    """A check in one phrase, such as `acceptance 7/8`."""
    decided = check.decided
    count = f" {sum(case.passed for case in decided)}/{len(decided)}" if decided else ""
    asked = sum(case.origin == "request" for case in decided)
    return f"{check.name}{count}{f' ({asked} from the request)' if asked else ''}"


def show_mark(check: Check) -> str:
    """How a check ended, in one sign or two words."""
    return "✓" if check.passed else "✗" if check.executed else "not executed"


def show_run(evidence: Evidence) -> str:
    """What running reviewed code showed; the word "verified" is kept for solutions of our own."""
    if evidence.status == "not_executed":
        return show_evidence(evidence)
    where = f" in the sandbox {evidence.sandbox}" if evidence.sandbox else ""
    return f"**Checked**{where}: {_marks(evidence)}."


def _marks(evidence: Evidence) -> str:
    return ", ".join(f"{show_check(check)} {show_mark(check)}" for check in evidence.checks)


def show_evidence(evidence: Evidence) -> str:
    """The evidence as the last paragraph of an answer."""
    marks = _marks(evidence)
    if evidence.status == "not_executed":
        seen = f" What ran: {marks}." if marks else ""
        return f"**Not executed:** {evidence.reason or 'nothing was run'}{seen}"
    aside = _show_set_aside(evidence)
    if evidence.status == "verified":
        tested = any(check.decided and check.passed for check in evidence.checks)
        caveat = "" if tested else " No test was run: this shows only that it loads."
        where = _show_where(evidence.sandbox, "by running it ")
        return f"**Verified** {where}: {marks}.{caveat}{_show_isolation(evidence)}{aside}"
    where = f" {_show_where(evidence.sandbox, '')}" if evidence.sandbox else ""
    failure = evidence.failure
    why = "\n\n" + indent(_show_problem(failure), "    ") if failure else ""
    return f"**Not verified**{where}: {marks}.{aside}{why}"


def _show_where(sandbox: str | None, how: str) -> str:
    return f"{how}without any sandbox" if sandbox == "none" else f"{how}in the sandbox {sandbox}"


def _show_set_aside(evidence: Evidence) -> str:
    """The generated tests that were not obeyed, a line each."""
    lines = [f"- `{case.name}`: {case.set_aside}" for case in evidence.set_aside]
    return "\n\nGenerated tests that were set aside:\n\n" + "\n".join(lines) if lines else ""


def _show_isolation(evidence: Evidence) -> str:
    """How many test cases the code had no means to forge, as a sentence with a blank before it."""
    isolated = sum(check.isolated for check in evidence.checks)
    total = isolated + sum(check.shared for check in evidence.checks)
    if total == 0:
        return ""
    if isolated == total:
        return " Every test case was judged from outside the code's process."
    return (
        f" {isolated} of {total} test cases were judged from outside the code's process; the rest ran in it."
    )
