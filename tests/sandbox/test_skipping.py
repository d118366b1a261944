"""Tests that skip themselves as a whole prove nothing and refute nothing."""

from collections.abc import Callable

import pytest

from sandbox import SourceFile, Verifier
from tests.sandbox.backends import rarely

Solution = Callable[[str], list[SourceFile]]

RIGHT = "def f(x): return x * x\n"
WRONG = "def f(x): return x + 1\n"
BODY = "def test_f():\n    assert f(2) == 4\n"


@pytest.mark.parametrize(
    "head",
    [
        "import pytest\nhypothetical = pytest.importorskip('hypothetical_package')\n",
        "import pytest\npytest.importorskip('hypothetical_package.inner', reason='no')\n",
        "from pytest import importorskip\nimportorskip('hypothetical_package')\n",
    ],
)
async def test_without_what_they_need_they_are_not_executed(
    verifier: Verifier, solution: Solution, head: str
) -> None:
    for code in (RIGHT, WRONG):
        evidence = await verifier.verify(solution(code), tests=head + BODY)
        assert evidence.status == "not_executed"
        assert evidence.reason == (
            "tests: they skip themselves, because hypothetical_package is not installed here"
        )
        assert not evidence.checks[-1].executed
    evidence = await verifier.verify(solution("def f(:\n"), tests=head + BODY)
    assert evidence.status == "failed"


@pytest.mark.parametrize("name", rarely(("json", "pytest", "solution"), lambda name: name != "solution"))
async def test_what_is_there_is_no_reason_to_skip(verifier: Verifier, solution: Solution, name: str) -> None:
    tests = f"import pytest\nit = pytest.importorskip({name!r})\n{BODY}"
    assert (await verifier.verify(solution(RIGHT), tests=tests)).status == "verified"
    assert (await verifier.verify(solution(WRONG), tests=tests)).status == "failed"


async def test_a_module_of_the_solution_that_is_missing_is_a_failure(verifier: Verifier) -> None:
    files = [
        SourceFile(path="solution.py", content=RIGHT),
        SourceFile(path="shop/cart.py", content="import gone_entirely\n"),
    ]
    tests = "import pytest\npytest.importorskip('shop.cart')\n" + BODY
    assert (await verifier.verify(files, tests=tests)).status == "failed"


async def test_generated_tests_that_skip_themselves_are_set_aside(
    verifier: Verifier, solution: Solution
) -> None:
    acceptance = "import pytest\npytest.importorskip('hypothetical_package')\n" + BODY
    evidence = await verifier.verify(solution(RIGHT), tests="assert f(3) == 9", acceptance=acceptance)
    assert evidence.status == "verified"
    assert (evidence.checks[-1].name, evidence.checks[-1].required) == ("acceptance", False)
