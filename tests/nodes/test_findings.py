import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.findings import MAX_FINDINGS, Finding, findings_of, lines_of, place, read_findings, sort
from sandbox import Case, Check, Diagnostic, Evidence, SourceFile

FILES = [
    SourceFile(path="app/mean.py", content="def mean(v):\n    return sum(v) / len(v)\n"),
    SourceFile(path="app/last.py", content="x = 1\n"),
]
TEST = "```python\nassert mean([]) == 0\n```"


def one(text: str) -> Finding:
    _, found = read_findings(text)
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    "head",
    [
        "FINDING app/mean.py:2 error: it divides by zero.",
        "FINDING `app/mean.py`:2 error: it divides by zero.",
        "**FINDING** app/mean.py:2 **error**: it divides by zero.",
        "1. FINDING app/mean.py, line 2, error - it divides by zero.",
        "FINDING 1: app/mean.py:2-3 (critical) it divides by zero.",
        "- Finding: app/mean.py:2 | high | it divides by zero.",
    ],
)
def test_a_finding_is_read_however_it_is_written(head: str) -> None:
    found = one(f"{head}\n\n{TEST}\n")
    assert (found.file, found.line, found.severity) == ("app/mean.py", 2, "error")
    assert found.message == "it divides by zero."
    assert found.test == "assert mean([]) == 0\n"


def test_prose_findings_and_tests_are_told_apart() -> None:
    text = (
        "It computes a mean.\n\nFINDING app/mean.py:2 error: zero\ndivision.\n\n"
        f"{TEST}\n\nFINDING app/last.py note: say what x is.\n"
    )
    prose, found = read_findings(text)
    assert prose == "It computes a mean."
    assert [(f.line, f.severity, f.message, bool(f.test)) for f in found] == [
        (2, "error", "zero division.", True),
        (None, "note", "say what x is.", False),
    ]


def test_a_finding_quoted_inside_a_test_is_no_finding() -> None:
    text = "FINDING a.py:1 error: x\n```python\n# FINDING a.py:2 error: y\nassert f() == 1\n```"
    assert len(read_findings(text)[1]) == 1


@pytest.mark.parametrize("wrap", ["{}", "```json\n{}\n```", "Here:\n```json\n{}\n```\nThat is all."])
def test_json_is_taken_too_and_what_is_no_finding_in_it_is_passed_over(wrap: str) -> None:
    items = [
        {"file": "a.py", "line": 3, "severity": "HIGH", "message": "wrong", "test": None},
        {"file": "a.py", "line": "no", "message": "x"},
        {"severity": "error"},
        7,
    ]
    for value in (items, {"findings": items}):
        _, found = read_findings(wrap.format(json.dumps(value)))
        assert found == [Finding(file="a.py", line=3, severity="error", message="wrong")]


@pytest.mark.parametrize("text", ["", "NO FINDINGS", "It looks fine to me.", "VERDICT: PASS", "[1, 2]", "{"])
def test_an_answer_without_findings_is_prose(text: str) -> None:
    prose, found = read_findings(text)
    assert found == []
    assert prose == ("" if text == "NO FINDINGS" else text)


_WORDS = st.sampled_from(
    (
        "FINDING ",
        "a.py",
        ":",
        "7",
        " error",
        ": ",
        "\n",
        "```",
        "python",
        "assert f()",
        "{",
        "[",
        '"file"',
        "é",
    )
)


@given(st.lists(_WORDS | st.text(max_size=4), max_size=40).map("".join))
def test_no_answer_is_too_strange_and_every_finding_is_at_a_line_that_exists(text: str) -> None:
    _, found = read_findings(text)
    placed, dropped = place(found, lines_of(FILES))
    assert len(found) <= MAX_FINDINGS
    assert len(placed) + dropped == len(found)
    lines = lines_of(FILES)
    assert all(f.line is None or f.line in lines[f.file] for f in placed)


@pytest.mark.parametrize(
    ("file", "line", "kept", "at"),
    [
        ("app/mean.py", 2, "app/mean.py", 2),
        ("mean.py", 1, "app/mean.py", 1),
        ("src/app/mean.py", 1, "app/mean.py", 1),
        ("app/mean.py", 3, "app/mean.py", None),
        ("app/mean.py", 0, "app/mean.py", None),
    ],
)
def test_a_line_that_does_not_exist_is_taken_away_and_said(
    file: str, line: int, kept: str, at: int | None
) -> None:
    (found,), dropped = place([Finding(file=file, line=line, message="m")], lines_of(FILES))
    assert (found.file, found.line, dropped) == (kept, at, 0)
    assert ("which is not there" in found.message) is (at is None)


@pytest.mark.parametrize("file", ["gone.py", "", "n.py", "/"])
def test_a_finding_about_a_file_that_does_not_exist_is_left_out(file: str) -> None:
    assert place([Finding(file=file, line=1, message="m")], lines_of(FILES)) == ([], 1)


def test_the_evidence_speaks_for_itself() -> None:
    evidence = Evidence(
        status="failed",
        checks=[
            Check(name="parse", passed=True),
            Check(
                name="lint",
                passed=False,
                required=False,
                detail="words for people: mean.py:1: F821 is not read",
                findings=[
                    Diagnostic(file="mean.py", line=2, code="F821", message="Undefined name `y`"),
                    Diagnostic(file="mean.py", line=9, code="B006", message="Mutable: default\nof two lines"),
                    Diagnostic(file="mean.py", line=0, code="W605", message="about the whole file"),
                ],
            ),
            Check(
                name="types",
                passed=False,
                findings=[Diagnostic(file="mean.py", line=1, code="return-value", message="not a str")],
            ),
            Check(name="typing", passed=False, executed=False, detail="not executed: no mypy"),
            Check(
                name="tests",
                passed=False,
                cases=[
                    Case(name="mean([]) == 0", passed=False, detail="ZeroDivisionError: x (mean.py, line 2)"),
                    Case(name="mean([1]) == 1", passed=True),
                ],
            ),
        ],
    )
    found = findings_of(evidence, [SourceFile(path="mean.py", content="def mean(v):\n    return y\n")])
    assert [(f.line, f.severity, f.shown_by) for f in found] == [
        (2, "error", "lint"),
        (None, "warning", "lint"),
        (None, "warning", "lint"),
        (1, "error", "types"),
        (2, "error", "tests"),
    ]


def test_a_package_that_is_not_installed_is_no_fault_of_the_code() -> None:
    def imports(name: str) -> Evidence:
        detail = f"import mean: ModuleNotFoundError: No module named '{name}' (app/mean.py, line 1)"
        return Evidence(status="failed", checks=[Check(name="import", passed=False, detail=detail)])

    (foreign,) = findings_of(imports("torch.nn"), FILES)
    (own,) = findings_of(imports("app.gone"), FILES)
    assert (foreign.severity, foreign.line, own.severity) == ("note", 1, "error")


def test_the_gravest_come_first() -> None:
    found = [Finding(file="b", severity=s, message=s) for s in ("note", "error", "warning")]
    assert [f.severity for f in sort(found)] == ["error", "warning", "note"]
