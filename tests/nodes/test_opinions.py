import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.opinions import Diagnosis, read_diagnosis, read_opinion

PARTS = {
    "failed": "double(2) gave 2.",
    "why": "solution.py, line 2 adds nothing.",
    "change": "Multiply.\nKeep x.",
}


@pytest.mark.parametrize(
    "text",
    [
        "FAILED: {failed}\nWHY: {why}\nCHANGE: {change}",
        "**FAILED:** {failed}\n\n**WHY:** {why}\n\n**CHANGE:** {change}",
        "Sure.\n1. What failed: {failed}\n2. Cause: {why}\n3. What to change: {change}",
        "## Failure: {failed}\n## Root cause: {why}\n## Fix: {change}",
    ],
)
def test_a_diagnosis_is_read_in_its_parts_however_they_are_labelled(text: str) -> None:
    assert read_diagnosis(text.format(**PARTS)) == Diagnosis(**PARTS)


@pytest.mark.parametrize("wrap", ["{}", "```json\n{}\n```"])
def test_a_diagnosis_in_json_is_taken_too(wrap: str) -> None:
    assert read_diagnosis(wrap.format(json.dumps(PARTS | {"more": 1}))) == Diagnosis(**PARTS)


@pytest.mark.parametrize(
    "text", ["It forgot to multiply.", "FAILED:", "{}", '{"failed": ""}', "Note: all wrong."]
)
def test_a_diagnosis_without_parts_is_kept_in_its_own_words(text: str) -> None:
    assert read_diagnosis(text) == Diagnosis(words=text)
    assert read_diagnosis(text).show() == text


@pytest.mark.parametrize(
    ("said", "is_wrong"),
    [
        ("WRONG TEST: f(1) == 1", True),
        ("WHY: a\n**Wrong tests:**\n- `assert f(1)  == 1`\n- `test_b`", True),
        ('{"wrong_tests": ["test_a", "f(1) == 1"]}', True),
        ("WRONG TEST: f(1) == 10", False),
        ("WRONG TEST: half(1) == 1\nWHY: f(1) == 1 is right", False),
        ("WHY: the wrong test f(1) == 1", False),
        ("WRONG TEST: f(1) == 1: the request says 2", True),
        ("WRONG TEST: test_a, f(1) == 1", False),  # one a line, or in quotes
        ("WRONG TEST: `test_a`, `f(1) == 1`", True),
        ("WRONG TEST: f(1) == 1 (it should be 2)", True),
        ("WRONG TEST: none", False),
        ("WRONG TEST: f(1) == 1 is right", False),
        ("WRONG TEST: none; f(1) == 1 shows a bug", False),
        ("WRONG TEST: f(1) == 1 + 1", False),
        ("WRONG TEST: f(1) == 1.5", False),
    ],
)
def test_a_diagnosis_may_call_a_test_wrong_by_its_name(said: str, is_wrong: bool) -> None:  # noqa: FBT001
    assert read_diagnosis(said).calls_wrong("f(1) == 1") is is_wrong


def test_the_coder_reads_the_parts_in_order() -> None:
    assert read_diagnosis("WHY: b\nFAILED: a").show() == "What failed: a\nWhy: b"


@pytest.mark.parametrize(
    ("text", "verdict", "problems"),
    [
        ("VERDICT: PASS", "pass", []),
        ("VERDICT: PASS\nIt does what was asked. No problems.", "pass", []),
        ("verdict - pass", "pass", []),
        ("VERDICT: REVISE\nPROBLEM: None is not handled.", "revise", ["None is not handled."]),
        ("**VERDICT: REVISE**\n1. **PROBLEM 1:** a\n2. PROBLEM: b", "revise", ["a", "b"]),
        ("VERDICT: REVISE\nIt must handle None too.", "revise", ["It must handle None too."]),
        ("VERDICT: REPAIR\nHm.", "revise", ["Hm."]),
        ('{"verdict": "pass", "problems": []}', "pass", []),
        ('```json\n{"verdict": "revise", "problems": ["a"]}\n```', "revise", ["a"]),
        ("Looks good.", None, []),
        ("VERDICT: MAYBE", None, []),
        ("", None, []),
    ],
)
def test_a_verdict_is_read_with_its_problems(text: str, verdict: str | None, problems: list[str]) -> None:
    opinion = read_opinion(text)
    assert (opinion.verdict, opinion.problems, opinion.contradiction) == (verdict, problems, "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("VERDICT: PASS\nPROBLEM: it fails for None.", "says PASS and lists problems"),
        ("VERDICT: REVISE", "names no problem"),
        ("**VERDICT: REVISE**.\n", "names no problem"),
        ("VERDICT: PASS\nVERDICT: REVISE\nPROBLEM: x", "both PASS and REVISE"),
        ('{"verdict": "pass", "problems": ["x"]}', "says PASS and lists problems"),
        ('{"verdict": "revise"}', "names no problem"),
    ],
)
def test_a_verdict_that_contradicts_itself_counts_for_nothing(text: str, why: str) -> None:
    opinion = read_opinion(text)
    assert opinion.verdict is None
    assert why in opinion.contradiction


_WORDS = st.sampled_from(
    ("VERDICT: ", "PASS", "REVISE", "\n", "PROBLEM: ", "x", "FAILED: ", "WHY:", "{", "}", "```json")
)


@given(st.lists(_WORDS | st.text(max_size=3), max_size=20).map("".join))
def test_no_words_are_too_strange_and_no_verdict_stands_against_its_own_problems(text: str) -> None:
    opinion = read_opinion(text)
    assert opinion.verdict != "pass" or not opinion.problems
    assert opinion.verdict != "revise" or opinion.problems
    assert not (opinion.verdict and opinion.contradiction)
    diagnosis = read_diagnosis(text)
    assert bool(diagnosis.show()) or not text.strip()
