"""How files and evidence are written down, for models and for people alike."""

from collections.abc import Sequence
from textwrap import indent

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


def show_check(check: Check) -> str:
    """A check in one phrase, such as `acceptance 7/8`."""
    count = f" {sum(case.passed for case in check.cases)}/{len(check.cases)}" if check.cases else ""
    return f"{check.name}{count}"


def show_evidence(evidence: Evidence) -> str:
    """The evidence as the last paragraph of an answer."""
    if evidence.status == "not_executed":
        return f"**Not executed:** {evidence.reason or 'nothing was run'}"
    marks = ", ".join(f"{show_check(check)} {'✓' if check.passed else '✗'}" for check in evidence.checks)
    if evidence.status == "verified":
        tested = any(check.cases and check.passed for check in evidence.checks)
        caveat = "" if tested else " No test was run: this shows only that it loads."
        proof = f"**Verified** by running it in the sandbox {evidence.sandbox}: {marks}.{caveat}"
        return f"{proof}{_show_isolation(evidence)}"
    where = f" in the sandbox {evidence.sandbox}" if evidence.sandbox else ""
    failure = evidence.failure
    why = "\n\n" + indent(f"{failure.name}: {failure.detail}", "    ") if failure else ""
    return f"**Not verified**{where}: {marks}.{why}"


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
