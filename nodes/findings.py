"""Findings of a review: typed, each at a line that exists, and each saying what shows it."""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from nodes.fences import blocks, json_in
from sandbox.evidence import Check, Evidence, SourceFile

Severity = Literal["error", "warning", "note"]
MAX_FINDINGS = 50
"""The most findings of one review that are kept, the gravest first."""

_RANK: Mapping[Severity, int] = {"error": 0, "warning": 1, "note": 2}
_SEVERITY_OF: Mapping[str, Severity] = {
    **dict.fromkeys(("error", "critical", "high", "major", "bug", "blocker"), "error"),
    **dict.fromkeys(("warning", "warn", "medium", "minor", "moderate"), "warning"),
    **dict.fromkeys(("note", "info", "low", "nit", "style", "suggestion"), "note"),
}
_HEAD = re.compile(
    r"^[\s>*#\d.)\-]*FINDING\b[\s\d:.)*\-]*`?(?P<file>[^\s:`*|,]+)`?"
    r"(?:\s*(?::|,?\s*\bline\b)\s*(?P<line>\d+)(?:\s*-\s*\d+)?)?"
    rf"[\s:|,*\-\u2013\u2014(\[]+(?P<severity>{'|'.join(_SEVERITY_OF)})\b[\s:|,*\-\u2013\u2014)\]]*(?P<message>.*)$",
    re.IGNORECASE,
)
_NO_FINDINGS = re.compile(r"^\W*NO FINDINGS\W*$", re.IGNORECASE | re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*(?P<ticks>`{3,}|~{3,})")
_LINE = re.compile(r"\bline (\d+)")
_MISSING = re.compile(r"No module named '(?P<module>[\w.]+)'")
_CERTAIN = ("E9", "F7", "F82", "PLE")
"""Rules of the linter whose findings break the program where they are reached."""


class Finding(BaseModel):
    """One thing that a review found.

    Attributes:
        file: The file it is about.
        line: The line, from 1; None when it is about the file, or names a line that does not exist.
        severity: `error` (wrong), `warning` (doubtful) or `note` (advice).
        message: What is the matter.
        shown_by: The check that shows it (`parse`, `compile`, `import`, `lint`, `types`, `tests`), or `test`
            when its own test failed when it was run; None when nothing shows it, so that it is an opinion.
        test: A small Python test that fails because of it, when the reviewing model wrote one.
        detail: What showed it, or why nothing does.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    line: int | None = None
    severity: Severity = "warning"
    message: str
    shown_by: str | None = None
    test: str = ""
    detail: str = ""


class _Said(BaseModel):
    """One finding as a model may write it in JSON."""

    model_config = ConfigDict(extra="ignore")

    file: str = ""
    line: int | None = None
    severity: Severity = "warning"
    message: str = Field(min_length=1)
    test: str = ""

    @field_validator("severity", mode="before")
    @classmethod
    def _any_word(cls, value: object) -> object:
        return _SEVERITY_OF.get(str(value).strip().lower(), "warning")

    @field_validator("file", "test", mode="before")
    @classmethod
    def _null_is_nothing(cls, value: object) -> object:
        return "" if value is None else value


def read_findings(text: str) -> tuple[str, list[Finding]]:
    """Read a reviewing model's answer, however untidy it is.

    Returns:
        What it says beside its findings, and the findings; an answer without any that can be read is
        all prose.
    """
    if said := _from_json(text):
        return "", said[:MAX_FINDINGS]
    prose: list[str] = []
    found: list[tuple[re.Match[str], list[str]]] = []
    closing = ""
    for line in text.splitlines():
        fence = _FENCE.match(line)
        head = None if closing else _HEAD.match(line)
        if fence and not closing:
            closing = fence["ticks"]
        elif fence and line.strip().startswith(closing) and not line.strip().strip(closing[0]):
            closing = ""
        if head:
            found.append((head, []))
        else:
            (found[-1][1] if found else prose).append(line)
    prosaic = _NO_FINDINGS.sub("", "\n".join(prose)).strip()
    return prosaic, [_finding(head, rest) for head, rest in found][:MAX_FINDINGS]


def _finding(head: re.Match[str], rest: Sequence[str]) -> Finding:
    """A finding from its first line and the lines below it."""
    below = "\n".join(rest)
    tests = [block.text for block in blocks(below) if block.is_python and "assert" in block.text]
    words = below.split("```", 1)[0]
    message = " ".join(f"{head['message']} {words}".replace("**", "").split())
    return Finding(
        file=head["file"],
        line=int(head["line"][:9]) if head["line"] else None,
        severity=_SEVERITY_OF[head["severity"].lower()],
        message=message[:1000] or "The reviewing model did not say what.",
        test=tests[0] if tests else "",
    )


def _from_json(text: str) -> list[Finding]:
    """The findings of an answer in JSON; what is no finding in it is passed over."""
    value = json_in(text)
    items = value.get("findings") if isinstance(value, dict) else value
    found = []
    for item in items if isinstance(items, list) else ():
        try:
            found.append(Finding(**_Said.model_validate(item).model_dump()))
        except ValidationError:
            continue
    return found


def place(findings: Sequence[Finding], lines: Mapping[str, AbstractSet[int]]) -> tuple[list[Finding], int]:
    """Hold the findings against the files.

    Args:
        findings: As the model named them.
        lines: The line numbers that there are to see of each file.

    Returns:
        The findings at places that exist; one at a line that does not is kept without the line and says so.
        And how many were left out, because no file has that name.
    """
    kept = []
    for finding in findings:
        file = _file_of(finding.file, list(lines))
        if file is None:
            continue
        known: dict[str, object] = {"file": file}
        if finding.line is not None and finding.line not in lines[file]:
            doubt = f"(It names line {finding.line}, which is not there.)"
            known |= {"line": None, "message": f"{finding.message} {doubt}"}
        kept.append(finding.model_copy(update=known))
    return kept, len(findings) - len(kept)


def _file_of(named: str, files: Sequence[str]) -> str | None:
    """The file that a model means."""
    if named in files:
        return named
    alike = [file for file in files if named and (file.endswith(f"/{named}") or named.endswith(f"/{file}"))]
    if len(alike) == 1:
        return alike[0]
    return files[0] if len(files) == 1 and not named else None


def lines_of(files: Sequence[SourceFile]) -> dict[str, AbstractSet[int]]:
    """The line numbers of whole files."""
    return {file.path: range_set(len(file.content.splitlines())) for file in files}


def range_set(count: int) -> AbstractSet[int]:
    """The numbers from 1 to `count`."""
    return frozenset(range(1, count + 1))


def unshown(findings: Sequence[Finding]) -> list[Finding]:
    """The findings whose own tests have not been run."""
    return [finding for finding in findings if finding.test and not finding.shown_by and not finding.detail]


def sort(findings: Sequence[Finding]) -> list[Finding]:
    """The gravest first, then by place."""
    return sorted(findings, key=lambda found: (_RANK[found.severity], found.file, found.line or 0))


def findings_of(evidence: Evidence, files: Sequence[SourceFile]) -> list[Finding]:
    """What the evidence alone shows: these findings need no model."""
    lines = lines_of(files)
    found: list[Finding] = []
    for check in evidence.checks:
        if not check.passed and check.executed and check.name != "acceptance":
            found += _diagnosed(check) if check.findings else _failed(check, list(lines))
    return [
        finding if finding.line in lines.get(finding.file, ()) else finding.model_copy(update={"line": None})
        for finding in found
    ]


def _diagnosed(check: Check) -> list[Finding]:
    """One finding for each of the linter's or the type checker's."""
    return [
        Finding(
            file=found.file,
            line=found.line or None,
            severity="error" if check.required or found.code.startswith(_CERTAIN) else "warning",
            message=f"{found.message} ({found.code})",
            shown_by=check.name,
        )
        for found in check.findings
    ]


def _failed(check: Check, files: Sequence[str]) -> list[Finding]:
    """What a step that failed says, at the last place in the files that it names."""
    if check.cases:
        return [
            _at(case.detail, files, f"The test `{case.name}` fails.", check.name, case.detail)
            for case in check.cases
            if not case.passed
        ][:MAX_FINDINGS]
    missing = _MISSING.search(check.detail)
    if check.name == "import" and missing and not _is_own(missing["module"], files):
        message = f"It needs `{missing['module']}`, which the sandbox lacks, so nothing of it was run."
        return [_at(check.detail, files, message, check.name, check.detail, severity="note")]
    what = {"parse": "It is not valid Python.", "compile": "It does not compile."}
    message = what.get(check.name, f"The check {check.name} fails.")
    return [_at(check.detail, files, message, check.name, check.detail)]


def _is_own(module: str, files: Sequence[str]) -> bool:
    top = module.split(".", 1)[0]
    return any(file == f"{top}.py" or file.startswith(f"{top}/") for file in files)


def _at(  # noqa: PLR0913  # a finding has as many parts
    where: str,
    files: Sequence[str],
    message: str,
    shown_by: str,
    detail: str,
    *,
    severity: Severity = "error",
) -> Finding:
    """A finding at the place that `where` names, else about the first file."""
    named = [file for file in files if file in where]
    file = max(named, key=lambda name: (where.rfind(name), len(name))) if named else files[0]
    line = _LINE.search(where, max(0, where.rfind(file))) or _LINE.search(where)
    return Finding(
        file=file,
        line=int(line[1][:9]) if line and (named or len(files) == 1) else None,
        severity=severity,
        message=message,
        shown_by=shown_by,
        detail=detail[:1000],
    )
