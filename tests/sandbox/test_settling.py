"""The user's tests outrank generated ones; a generated test that is itself wrong is set aside."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import Check, Evidence, Options, SourceFile, Verifier
from sandbox.claims import claims_in
from sandbox.settling import without_contradictions

Solution = Callable[[str], list[SourceFile]]

SQUARE = "def f(x):\n    if x < 0: raise ValueError(x)\n    return x * x\n"


def acceptance(evidence: Evidence) -> Check:
    found = [check for check in evidence.checks if check.name == "acceptance"]
    assert len(found) == 1
    return found[0]


def aside(evidence: Evidence) -> list[str]:
    return [case.name for case in evidence.set_aside]


@pytest.mark.parametrize(
    ("tests", "generated"),
    [
        ("assert f(2) == 4", "assert f(2) == 5"),
        ("assert f(2) == 4", "assert 5 == f(2)"),
        ("assert f(2) == 4", "assert f(2) != 4"),
        ("assert f(2) == 4", "assert not f(2)"),
        ("assert f(2) == 4", "assert solution.f(2) is None"),
        ("assert f(2)", "assert not f(2)"),
        ("assert f(2) == 4", "import pytest\nwith pytest.raises(ValueError):\n    f(2)"),
        ("assert f(2) == 4", "try:\n    f(2)\n    assert False\nexcept ValueError:\n    pass"),
        ("import pytest\nwith pytest.raises(ValueError):\n    f(-1)", "assert f(-1) == 1"),
        (">>> f(2)\n4\n", "assert f(2) == 5"),
        (">>> f(-1)\nTraceback (most recent call last):\nValueError: -1\n", "assert f(-1) == 1"),
        ("assert round(f(2), 1) == 4.0", "assert f(2) == 4.2"),
        ("assert f(x=2) == 4", "assert f(x=2) == 5"),
        (
            "import unittest\nclass TestF(unittest.TestCase):\n    def test(self): self.assertEqual(f(2), 4)",
            "assert f(2) == 5",
        ),
        ("assert f(2) == 4", "def test_two():\n    assert f(2) == 5\n    assert f(2) == 4"),
        ("assert f(2) == 4", "def test_two():\n    result = f(2)\n    assert result == 5"),
    ],
)
async def test_what_contradicts_the_users_tests_is_set_aside(
    verifier: Verifier, solution: Solution, tests: str, generated: str
) -> None:
    evidence = await verifier.verify(
        solution(SQUARE), tests=tests, acceptance=f"{generated}\n\nassert f(3) == 9\n"
    )
    assert evidence.status == "verified", evidence
    check = acceptance(evidence)
    assert (check.passed, check.required) == (True, True)
    assert len(check.set_aside) == 1
    assert "contradicts your test of f(" in check.set_aside[0].set_aside
    assert "1 set aside" in check.detail


async def test_examples_of_the_request_outrank_too(verifier: Verifier, solution: Solution) -> None:
    options = Options(examples="assert f(2) == 4\n")
    generated = "assert f(2) == 5\nassert f(3) == 9"
    evidence = await verifier.verify(solution(SQUARE), acceptance=generated, options=options)
    assert (evidence.status, aside(evidence)) == ("verified", ["f(2) == 5"])


async def test_examples_do_not_silence_the_generated_tests(verifier: Verifier, solution: Solution) -> None:
    options = Options(examples="assert f(2) == 4\n")
    constant = await verifier.verify(
        solution("def f(x): return 4"), acceptance="assert f(3) == 9", options=options
    )
    assert (constant.status, acceptance(constant).required) == ("failed", True)
    given_tests = await verifier.verify(
        solution("def f(x): return 4"), tests="assert f(2) == 4", acceptance="assert f(3) == 9"
    )
    assert (given_tests.status, acceptance(given_tests).required) == ("verified", False)


async def test_with_nothing_left_the_users_tests_decide(verifier: Verifier, solution: Solution) -> None:
    told: list[str] = []
    options = Options(examples="assert f(2) == 4\n")
    evidence = await verifier.verify(
        solution(SQUARE),
        acceptance="assert f(2) == 5",
        options=options,
        on_check=lambda check: told.append(check.name),
    )
    check = acceptance(evidence)
    assert (evidence.status, check.passed, check.required) == ("verified", False, False)
    assert check.detail.startswith("1 set aside: f(2) == 5: it contradicts your test of f(2)")
    assert told == [check.name for check in evidence.checks]
    failed = await verifier.verify(
        solution("def f(x): return 5"), acceptance="assert f(2) == 5", options=options
    )
    assert (failed.status, failed.failure and failed.failure.name) == ("failed", "tests")


WRONG = "assert f(2) == 4\nassert f(3) == 8\n"
DOUBTED = {"f(3) == 8": "f(3) == 8: left is 9, right is 8"}


async def test_a_test_that_failed_on_another_solution_in_the_same_way_is_set_aside(
    verifier: Verifier, solution: Solution
) -> None:
    first = await verifier.verify(solution(SQUARE), acceptance=WRONG)
    assert first.status == "failed"
    assert {case.name: case.detail for case in acceptance(first).cases if not case.passed} == DOUBTED
    second = await verifier.verify(solution(SQUARE), acceptance=WRONG, options=Options(doubted=DOUBTED))
    assert (second.status, aside(second)) == ("verified", ["f(3) == 8"])
    assert "in the same way on different solutions" in second.set_aside[0].set_aside
    assert acceptance(second).detail.startswith("1 passed, 1 set aside")


@pytest.mark.parametrize(
    ("code", "generated", "doubted"),
    [
        # Another message, another case, one more case, one less.
        ("def f(x): return x * x + (x == 3)", WRONG, DOUBTED),
        (SQUARE, "assert f(2) == 4\nassert f(4) == 8\n", DOUBTED),
        (SQUARE, WRONG + "assert f(5) == 1\n", DOUBTED),
        (SQUARE, WRONG, {**DOUBTED, "f(5) == 1": "f(5) == 1: left is 25, right is 1"}),
        # Nothing is left that passes, or less than what would be set aside.
        (SQUARE, "assert f(3) == 8\n", DOUBTED),
        (
            SQUARE,
            "assert f(2) == 4\nassert f(3) == 8\nassert f(4) == 1",
            {**DOUBTED, "f(4) == 1": "f(4) == 1: left is 16, right is 1"},
        ),
        # The solution itself crashed.
        (
            "def f(x): return {2: 4}[x]",
            WRONG,
            {"f(3) == 8": "f(3) == 8: KeyError: 3 (solution.py, line 1)"},
        ),
        # The run ended there.
        (
            "import os\ndef f(x): return 4 if x == 2 else os._exit(3)",
            WRONG,
            {"f(3) == 8": "the process exited with code 3 before it had finished"},
        ),
    ],
)
async def test_without_the_users_word_a_generated_test_is_set_aside_only_for_good_reason(
    verifier: Verifier, solution: Solution, code: str, generated: str, doubted: dict[str, str]
) -> None:
    evidence = await verifier.verify(solution(code), acceptance=generated, options=Options(doubted=doubted))
    assert (evidence.status, aside(evidence)) == ("failed", [])


async def test_the_doubted_cases_above_are_what_the_runs_say(verifier: Verifier, solution: Solution) -> None:
    for code, wanted in (
        ("def f(x): return {2: 4}[x]", "f(3) == 8: KeyError: 3 (solution.py, line 1)"),
        (
            "import os\ndef f(x): return 4 if x == 2 else os._exit(3)",
            "the process exited with code 3 before it had finished",
        ),
    ):
        evidence = await verifier.verify(solution(code), acceptance=WRONG)
        assert acceptance(evidence).cases[-1].detail == wanted


async def test_with_the_users_word_what_is_left_may_be_theirs_alone(
    verifier: Verifier, solution: Solution
) -> None:
    options = Options(examples="assert f(2) == 4\n", doubted=DOUBTED)
    evidence = await verifier.verify(solution(SQUARE), acceptance="assert f(3) == 8\n", options=options)
    assert (evidence.status, aside(evidence)) == ("verified", ["f(3) == 8"])
    # One example is no match for two generated tests; tests that the user gave are.
    both = {**DOUBTED, "f(4) == 1": "f(4) == 1: left is 16, right is 1"}
    generated = "assert f(3) == 8\nassert f(4) == 1\n"
    options = Options(examples="assert f(2) == 4\n", doubted=both)
    evidence = await verifier.verify(solution(SQUARE), acceptance=generated, options=options)
    assert (evidence.status, aside(evidence)) == ("failed", [])
    options = Options(doubted=both)
    evidence = await verifier.verify(
        solution(SQUARE), tests="assert f(2) == 4", acceptance=generated, options=options
    )
    assert (evidence.status, aside(evidence)) == ("verified", ["f(3) == 8", "f(4) == 1"])


async def test_a_name_that_nobody_defines_is_a_wrong_test_and_not_a_wrong_solution(
    verifier: Verifier, solution: Solution
) -> None:
    generated = "def test_name():\n    assert square(2) == 4\n\nassert f(3) == 9\n"
    first = await verifier.verify(solution(SQUARE), acceptance=generated)
    doubted = {case.name: case.detail for case in acceptance(first).cases if not case.passed}
    assert "NameError" in doubted["test_name"]
    second = await verifier.verify(solution(SQUARE), acceptance=generated, options=Options(doubted=doubted))
    assert (second.status, aside(second)) == ("verified", ["test_name"])


@pytest.mark.parametrize(
    "tests",
    [
        "assert f(2) == 4\nassert f(2) == 5",  # a function with a memory, perhaps
        "assert g(2) == 4",
        "assert f(2.0) == 4",
        "assert f(x) == 4",
        "assert f(2) > 3",
        "assert abs(f(2) - 4) < 1",
        "assert f(2) == 5.0",
        "assert f(2)",
        "x = f(2)",
        "def broken(",
    ],
)
def test_nothing_is_a_contradiction_that_might_be_none(tests: str) -> None:
    generated = "assert f(2) == 5\n"
    assert without_contradictions(generated, claims_in(tests)).aside == ()


LITERALS = st.recursive(
    st.integers() | st.text() | st.floats() | st.none() | st.booleans(), st.lists, max_leaves=4
)


@given(argument=LITERALS, value=LITERALS, other=LITERALS)
def test_a_contradiction_is_one(argument: object, value: object, other: object) -> None:
    known = claims_in(f"assert f({argument!r}) == {value!r}")
    found = without_contradictions(f"assert f({argument!r}) == {other!r}", known)
    if found.aside:
        assert value != other
        assert found.source == ""


@given(source=st.text(max_size=80) | st.sampled_from(["-" * 9000 + "1", "(" * 9000, "1+" * 3000 + "1", "\0"]))
def test_any_source_is_survived(source: str) -> None:
    known = claims_in(source, "assert f(2) == 4")
    assert without_contradictions(source, known).source == source
