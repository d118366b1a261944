import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.plans import PlanAnswer, read_answer, read_plan, show_plan
from tests.support import PLAN

_LINES = st.lists(st.sampled_from(("1. Do it.", "", "- x", "assert f(1) == 2", "x = '```'")), max_size=6)


@given(_LINES, _LINES)
def test_a_plan_that_is_shown_is_read_back_as_it_was(plan: list[str], tests: list[str]) -> None:
    text, acceptance = "\n".join(plan).strip(), "".join(f"{line}\n" for line in tests)
    if "```" in text or not acceptance.strip() or acceptance != acceptance.rstrip() + "\n":
        return
    assert read_plan(show_plan(text, acceptance)) == (text, acceptance)


@pytest.mark.parametrize(
    ("given", "decision"),
    [
        ("approve", "approve"),
        (" Yes ", "approve"),
        (True, "approve"),
        ({"decision": "approve"}, "approve"),
        ('{"decision": "approve"}', "approve"),
        (PlanAnswer(decision="reject"), "reject"),
        ("no", "reject"),
        ("reject: too large", "reject"),
        (False, "reject"),
        ({"decision": "reject", "reason": "too large"}, "reject"),
        ({"decision": "edit", "plan": PLAN}, "edit"),
    ],
)
def test_answers_are_taken_in_every_usual_form(given: object, decision: str) -> None:
    answer = read_answer(given)
    assert isinstance(answer, PlanAnswer)
    assert answer.decision == decision


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("maybe", "Invalid JSON"),
        ("", "Invalid JSON"),
        ("approve: but faster", "Invalid JSON"),
        (None, "valid dictionary"),
        (3, "valid dictionary"),
        ([], "valid dictionary"),
        ({}, "decision: Field required"),
        ({"decision": "aprove"}, "decision: Input should be"),
        ({"decision": "edit"}, "an edit brings the whole plan"),
        ({"decision": "approve", "plan": "x"}, "an edit brings the whole plan"),
        ({"decision": "approve", "plann": "x"}, "plann: Extra inputs"),
        ({"decision": "edit", "plan": "```python acceptance\nassert (\n```"}, "acceptance tests, line 1"),
        ({"decision": "edit", "plan": "x" * 100_001}, "at most 100000"),
    ],
)
def test_a_wrong_answer_is_one_sentence_with_what_is_right(given: object, words: str) -> None:
    problem = read_answer(given)
    assert isinstance(problem, str)
    assert words in problem
    assert '{"decision": "approve"}' in problem
    assert "\n" not in problem
