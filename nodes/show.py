"""How files and evidence are written down, for models and for people alike."""

from collections.abc import Sequence
from textwrap import indent

from nodes.findings import Finding
from sandbox.evidence import Check, Evidence, SourceFile

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
    lines = [f"{check.name}: {check.detail}" for check in evidence.checks if not check.passed]
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


def show_check(check: Check) -> str:
    """A check in one phrase, such as `acceptance 7/8`."""
    count = f" {sum(case.passed for case in check.cases)}/{len(check.cases)}" if check.cases else ""
    return f"{check.name}{count}"


def show_run(evidence: Evidence) -> str:
    """What running reviewed code showed; the word "verified" is kept for solutions of our own."""
    if evidence.status == "not_executed":
        return show_evidence(evidence)
    where = f" in the sandbox {evidence.sandbox}" if evidence.sandbox else ""
    return f"**Checked**{where}: {_marks(evidence)}."


def _marks(evidence: Evidence) -> str:
    return ", ".join(f"{show_check(check)} {'✓' if check.passed else '✗'}" for check in evidence.checks)


def show_evidence(evidence: Evidence) -> str:
    """The evidence as the last paragraph of an answer."""
    if evidence.status == "not_executed":
        return f"**Not executed:** {evidence.reason or 'nothing was run'}"
    marks = _marks(evidence)
    if evidence.status == "verified":
        tested = any(check.cases and check.passed for check in evidence.checks)
        caveat = "" if tested else " No test was run: this shows only that it loads."
        return f"**Verified** by running it in the sandbox {evidence.sandbox}: {marks}.{caveat}"
    where = f" in the sandbox {evidence.sandbox}" if evidence.sandbox else ""
    failure = evidence.failure
    why = "\n\n" + indent(f"{failure.name}: {failure.detail}", "    ") if failure else ""
    return f"**Not verified**{where}: {marks}.{why}"
