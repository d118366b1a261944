"""`is` between data that crossed, which are copies outside: such cases are judged beside the solution."""

from collections.abc import Callable

import pytest

from sandbox import SourceFile, Verifier

Solution = Callable[[str], list[SourceFile]]

KEEPS = """\
import functools
from datetime import datetime
TEXT, DATA, FROZEN, DAY, POINT = "some text", b"abcdef", frozenset([1]), datetime(2020, 1, 1), (1, 2)
class A:
    origin = POINT
    def __repr__(self): return "A"
    def me(self): return self
@functools.lru_cache
def made(n): return (n, "a" * n)
def same(value): return value
def big(): return LARGE
LARGE = 10 ** 20
def text(): return TEXT
def get(name): return globals()[name]
_pool = {}
def pooled(text): return _pool.setdefault(text, text)
"""
COPIES = (
    KEEPS.replace("@functools.lru_cache\n", "")
    .replace("return value\n", "return tuple([*value])\n")
    .replace("return globals()[name]", "import pickle; return pickle.loads(pickle.dumps(globals()[name]))")
    .replace("setdefault(text, text)", "get(text, text)")
    .replace("return LARGE", "return 10 ** len([1] * 20)")
    .replace("origin = POINT", "origin = (1, *[2])")
)


CLAIMS = [
    "made(3) is made(3)",
    "same(pair) is pair",
    "get('TEXT') is get('TEXT')",
    "get('DATA') is get('DATA')",
    "get('FROZEN') is get('FROZEN')",
    "get('DAY') is get('DAY')",
    "A.origin is POINT",
    "pooled(''.join(['ab', 'c'])) is pooled(''.join(['a', 'bc']))",
    "all(made(n) is made(n) for n in range(3))",
    "[each := made(3)] and id(each) == id(pair if each is pair else made(3))",
    "operator.is_(made(3), made(3))",
    "big() is big()",
]


@pytest.mark.parametrize("claim", CLAIMS)
async def test_identities_are_the_solutions(verifier: Verifier, solution: Solution, claim: str) -> None:
    tests = f"import operator\npair = (1, 2)\nassert {claim}"
    check = (await verifier.verify(solution(KEEPS), tests=tests)).checks[-1]
    assert (check.passed, check.isolated, check.shared) == (True, 0, 1), check
    check = (await verifier.verify(solution(COPIES), tests=tests)).checks[-1]
    assert not check.passed


@pytest.mark.parametrize(
    ("runner", "form"),
    [
        ("", "    if not ({}): raise AssertionError\n"),
        pytest.param("import pytest\n", "    assert {}\n", marks=pytest.mark.slow),
    ],
)
async def test_in_functions_identities_are_the_solutions_too(
    verifier: Verifier, solution: Solution, runner: str, form: str
) -> None:
    cases = "".join(f"def test_{at}():\n{form.format(claim)}" for at, claim in enumerate(CLAIMS))
    tests = f"{runner}import operator\npair = (1, 2)\n{cases}"
    check = (await verifier.verify(solution(KEEPS), tests=tests)).checks[-1]
    assert (check.passed, check.isolated, check.shared) == (True, 0, len(CLAIMS)), check
    check = (await verifier.verify(solution(COPIES), tests=tests)).checks[-1]
    assert [case.passed for case in check.cases] == [False] * len(CLAIMS), check


async def test_that_a_result_is_another_one_is_not_taken_from_a_copy(
    verifier: Verifier, solution: Solution
) -> None:
    tests = "pair = (1, 2)\nassert same(pair) is not pair"
    check = (await verifier.verify(solution(KEEPS), tests=tests)).checks[-1]
    assert (check.passed, check.shared) == (False, 1)
    tests = (
        "import unittest\nclass T(unittest.TestCase):\n"
        "    def test_a(self): self.assertIs(made(3), made(3))\n"
    )
    assert (await verifier.verify(solution(KEEPS), tests=tests)).checks[-1].passed
    assert not (await verifier.verify(solution(COPIES), tests=tests)).checks[-1].passed


@pytest.mark.parametrize(
    "claim",
    [
        "a.me() is a and a.me() is not A()",
        "same(None) is None and made(1) is not None",
        "type(text()) is str and made(2) is not made(3)",
        "type(a) is A and a.__class__ is A",
        "same(box) is box",
        "(text() == 'some text') is True",
    ],
)
async def test_other_identities_are_known_outside(verifier: Verifier, solution: Solution, claim: str) -> None:
    tests = f"a = A()\nbox = [1]\nassert {claim}"
    check = (await verifier.verify(solution(KEEPS), tests=tests)).checks[-1]
    passed = (check.passed, check.isolated, check.shared)
    # Whether tuples of different content are one is not looked into.
    assert passed == (True, 1, 0) if "made(2)" not in claim else check.passed, check
