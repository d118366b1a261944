"""How evidence reads."""

import pytest

from nodes.show import show_evidence
from sandbox import Case, Check, Evidence


def evidence(isolated: int, shared: int) -> Evidence:
    cases = [Case(name=str(n), passed=True, isolated=n < isolated) for n in range(isolated + shared)]
    check = Check(name="tests", passed=True, isolated=isolated, shared=shared, cases=cases)
    return Evidence(status="verified", checks=[Check(name="import", passed=True), check], sandbox="nono")


@pytest.mark.parametrize(
    ("isolated", "shared", "words"),
    [
        (3, 0, " tests 3/3 ✓. Every test case was judged from outside the code's process."),
        (2, 1, " 2 of 3 test cases were judged from outside the code's process; the rest ran in it."),
        (0, 3, " 0 of 3 test cases were judged from outside the code's process; the rest ran in it."),
        (0, 0, " No test was run: this shows only that it loads."),
    ],
)
def test_verified_says_how_far_the_tests_can_be_trusted(isolated: int, shared: int, words: str) -> None:
    assert show_evidence(evidence(isolated, shared)).endswith(words)
