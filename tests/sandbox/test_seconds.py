"""The time that is left for a verification cuts it."""

from collections.abc import Callable

import pytest

from sandbox import Check, Evidence, SourceFile, Verifier

Solution = Callable[[str], list[SourceFile]]


def failure(evidence: Evidence) -> Check:
    assert evidence.status == "failed"
    assert evidence.failure is not None
    return evidence.failure


async def test_fewer_seconds_than_the_limit_end_it_sooner(verifier: Verifier, solution: Solution) -> None:
    code = "def f(x):\n    while x > 1: pass\n    return x"
    check = failure(await verifier.verify(solution(code), tests="assert f(2) == 2", seconds=0.5))
    assert "stopped after 0.5 s at f(2) == 2" in check.detail
    # The limit is 60 s; nothing but the cut can have ended it before.
    assert check.cases[-1].detail == "stopped after 0.5 s"


async def test_an_endless_import_ends_with_the_seconds_too(verifier: Verifier, solution: Solution) -> None:
    check = failure(await verifier.verify(solution("while True: pass"), seconds=0.5))
    assert (check.name, check.detail) == ("import", "stopped after 0.5 s at import solution")


async def test_more_seconds_than_the_limit_change_nothing(hurried: Verifier, solution: Solution) -> None:
    check = failure(await hurried.verify(solution("while True: pass"), seconds=60))
    assert check.detail.startswith("stopped after 1 s")


@pytest.mark.parametrize("seconds", [0, -1, float("-inf"), float("nan")])
async def test_with_no_seconds_left_nothing_is_executed(
    verifier: Verifier, solution: Solution, seconds: float
) -> None:
    evidence = await verifier.verify(solution("x = 1"), seconds=seconds)
    assert (evidence.status, evidence.checks, evidence.sandbox) == ("not_executed", [], None)
    assert "no time was left" in evidence.reason
