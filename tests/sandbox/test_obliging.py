"""Objects that oblige whoever compares them pass nowhere; objects with an equality of their own do."""

from collections.abc import Callable

import pytest

from sandbox import Check, SourceFile, Verifier
from tests.sandbox.backends import in_turn

Solution = Callable[[str], list[SourceFile]]

COMPARED = [
    "assert f(2) == 4",
    "assert 4 == f(2)",
    "ok = f(2) == 4\n    assert ok",
    "results = [f(2) == 4]\n    assert results[0]",
    "assert all(f(x) == y for x, y in [(2, 4), (3, 9)])",
    "assert any([f(x) == 4 for x in (2,)])",
    "assert 4 == f(2) == 4",
    "if f(2) != 4:\n        raise AssertionError('no')",
    "if not f(2) == 4: raise ValueError",
    "assert (lambda x: x == 4)(f(2))",
    "assert f(2) in [4]",
    "assert 4 in (f(2),)",
    "assert [f(2)] == [4]",
    "assert {'a': (f(2),)} == {'a': (4,)}",
    "match f(2):\n        case 4: assert True\n        case _: assert False",
]
OUTSIDE_ONLY = [
    "assert [f(2)].index(4) == 0",
    "assert [f(2)].count(4) == 1",
    "assert [1, f(2)].index(4) == 1",
    "assert list(filter(lambda x: x == 4, [f(2)]))",
    "from operator import eq\n    assert eq(f(2), 4)",
    "from decimal import Decimal\n    assert f(2) == Decimal(4)",
    "from fractions import Fraction\n    assert [Fraction(4)] == [f(2)]",
    "from itertools import starmap\n    from operator import eq\n    assert all(starmap(eq, [(f(2), 4)]))",
]
ALWAYS = "def __eq__(s, o): return True\n  def __ne__(s, o): return False\n  __hash__ = object.__hash__\n"
LIARS = {
    "an object": f"class E:\n  {ALWAYS}",
    "an int": f"class E(int):\n  {ALWAYS}",
    "a text": f"class E(str):\n  {ALWAYS}",
    "a list": f"class E(list):\n  {ALWAYS}",
    "whatever has the type": (
        "class E:\n  def __eq__(s, o): return isinstance(o, int)\n  def __ne__(s, o): return not s == o\n"
    ),
    "from the third question on": (
        "class E:\n  asked = 0\n  def __ne__(s, o): return not s == o\n"
        "  def __eq__(s, o):\n    s.asked += 1\n    return s.asked > 2\n"
    ),
    "the first question only": (
        "class E:\n  asked = 0\n  def __ne__(s, o): return not s == o\n"
        "  def __eq__(s, o):\n    s.asked += 1\n    return s.asked == 1\n"
    ),
    "the first value only": (
        "class E:\n  seen = None\n  def __ne__(s, o): return not s == o\n  def __hash__(s): return 4\n"
        "  def __eq__(s, o):\n    if s.seen is None: s.seen = o\n    return s.seen == o\n"
    ),
    "what lies between those asked about": (
        "class E:\n  def __init__(s): s.seen = []\n  def __ne__(s, o): return not s == o\n"
        "  def __eq__(s, o):\n    if isinstance(o, int): s.seen.append(o)\n    near = sorted(s.seen)\n"
        "    return len(near) > 2 and near[len(near) // 2] == o and abs(near[-1] - near[0]) < 30\n"
    ),
}
RETRIED = {"a list", "the first value only"}
"""One has no likeness, the other is honest about all but a value that is not the tests'. So their cases are
run beside the solution, where calls compare without our hearing of it."""
LUCKY = {"what lies between those asked about"}
"""It guesses, so it passes now and then; not many times in a row."""


def written(tests: list[str], *, beside: bool) -> str:
    head = "import sys\n" if beside else ""
    body = "    sys\n" if beside else ""
    return head + "\n".join(f"def test_{n}():\n{body}    {test}" for n, test in enumerate(tests))


async def last(verifier: Verifier, files: list[SourceFile], tests: str) -> Check:
    return (await verifier.verify(files, tests=tests)).checks[-1]


@in_turn(("liar", "beside"), LIARS, [False, True])
async def test_a_liar_passes_nowhere(
    verifier: Verifier, solution: Solution, liar: str, *, beside: bool
) -> None:
    tests = COMPARED if beside else COMPARED + OUTSIDE_ONLY
    code = f"{LIARS[liar]}def f(x): return E()\n"
    check = await last(verifier, solution(code), written(tests, beside=beside))
    passed = [tests[int(case.name.removeprefix("test_"))] for case in check.cases if case.passed]
    assert len(check.cases) == len(tests)
    if liar in RETRIED and not beside:
        passed = [test for test in passed if test not in OUTSIDE_ONLY]
    assert len(passed) <= (len(tests) // 2 if liar in LUCKY else 0), passed


@in_turn(
    ("call", "beside"),
    [
        "assertTrue(f(2) == 4)",
        "assertFalse(f(2) != 4)",
        "assertEqual(f(2), 4)",
        "assertEqual([f(2)], [4])",
        "assertListEqual([f(2)], [4])",
        "assertDictEqual({1: f(2)}, {1: 4})",
        "assertIn(f(2), [4])",
        "assertCountEqual([f(2)], [4])",
    ],
    [False, True],
)
async def test_nor_with_the_methods_of_unittest(
    verifier: Verifier, solution: Solution, call: str, *, beside: bool
) -> None:
    sys = "import sys\n" if beside else ""
    tests = f"{sys}import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n"
    tests += f"        {'sys' if beside else 'pass'}\n        self.{call}"
    check = await last(verifier, solution(f"{LIARS['an object']}def f(x): return E()\n"), tests)
    assert (check.passed, check.shared) == (False, int(beside)), check
    assert (await last(verifier, solution("def f(x): return x * x\n"), tests)).passed


CONTRADICTORY = (
    "class E:\n  def __lt__(s, o): return True\n  __gt__ = __le__ = __ge__ = __lt__\n"
    "  def __len__(s): return 3\n  def __contains__(s, o): return True\ndef f(x): return E()\n"
)


@pytest.mark.parametrize("beside", [False, True])
async def test_what_is_below_all_and_above_all_or_holds_all_within_a_length_is_found_out(
    verifier: Verifier, solution: Solution, *, beside: bool
) -> None:
    tests = ["assert f(2) < 5", "ok = f(2) >= 3\n    assert ok", "assert 3 < f(2) < 5", "assert 4 in f(2)"]
    check = await last(verifier, solution(CONTRADICTORY), written(tests, beside=beside))
    assert [case.passed for case in check.cases] == [False] * len(tests), check


HONEST = """\
import math
from dataclasses import dataclass
from fractions import Fraction
from functools import total_ordering
from typing import NamedTuple
@dataclass
class Point:
    x: int
    y: int
class Pair(NamedTuple):
    a: int
    b: int
class Mod:
    def __init__(s, n, m): s.n, s.m = n % m, m
    def __eq__(s, o): return s.n == (o.n if isinstance(o, Mod) else o % s.m)
class Close:
    def __init__(s, v, by=0.5): s.v, s.by = v, by
    def __eq__(s, o): return abs(s.v - o) <= s.by
class Folded(str):
    def __eq__(s, o): return s.lower() == o.lower()
    def __ne__(s, o): return not s == o
    def __hash__(s): return hash(s.lower())
class Wrapped:
    def __init__(s, *xs): s.xs = list(xs)
    def __eq__(s, o): return s.xs == list(o)
    def __contains__(s, o): return o in s.xs
    def __len__(s): return len(s.xs)
@total_ordering
class Money:
    def __init__(s, v): s.v = v
    def __eq__(s, o): return s.v == getattr(o, 'v', o)
    def __lt__(s, o): return s.v < getattr(o, 'v', o)
class Rational(Fraction): pass
class Without:
    def __init__(s, *xs): s.xs = xs
    def __contains__(s, o): return o not in s.xs
class Null:
    def __eq__(s, o): return o is None
class Sorted(list):
    def __eq__(s, o): return sorted(s) == sorted(o)
class Vague:
    def __eq__(s, o): return o and o.startswith('a')
class Globbed:
    def __init__(s, end): s.end = end
    def __eq__(s, o): return isinstance(o, str) and o.endswith(s.end)
"""
HONEST_TESTS = [
    "assert Point(1, 2) == Point(1, 2) and Point(1, 2) != Point(1, 3) and Point(1, 2) != 3",
    "assert Pair(1, 2) == (1, 2) and (1, 2) in [Pair(1, 2)] and [(1, 2)].index(Pair(1, 2)) == 0",
    "assert all(Mod(n, m) == n for m in (2, 3, 5) for n in range(7))",
    "assert not Mod(3, 7) == 4 and 10 == Mod(3, 7) and Mod(3, 7) != 11",
    "assert Close(2.0) == 2.25 and 2.25 == Close(2.0) and not Close(2.0) == 3 and Close(7, 6) == 3",
    "assert Close(1e9, 1e3) == 1e9 + 7 and Close(0.0, 1e-9) == 1e-10",
    "assert Folded('Abc') == 'aBC' and Folded('abc') != 'abd' and 'abc' in {Folded('aBc'): 1}",
    "assert Wrapped(1, 2) == [1, 2] and [1, 2] == Wrapped(1, 2) and 2 in Wrapped(2) and 3 not in Wrapped(2)",
    "assert Money(3) < 4 and Money(3) >= 3 and 2 < Money(3) < 4 and Money(3) == 3 and Money(3) in [3]",
    "assert 3 in Without(4) and 4 not in Without(4)",
    "assert Null() == None and None in [Null()] and Null() != 0",
    "assert Globbed('.py') == 'a.py' and Globbed('.py') != 'a.txt'",
]


HONEST_ANYWHERE = [
    "assert Sorted([2, 1]) == [1, 2] and [Sorted([2, 1])] == [[1, 2]]",
    "assert Rational(1, 2) == 0.5 and Rational(1, 2) < 1",
    "assert Vague() == 'abc'",
]
"""A container, a library's type and a comparison that gives no truth value: there is no likeness of them."""


@pytest.mark.parametrize("beside", [False, True])
async def test_honest_equality_is_not_refused(
    verifier: Verifier, solution: Solution, *, beside: bool
) -> None:
    tests = HONEST_TESTS + (HONEST_ANYWHERE if beside else [])
    check = await last(verifier, solution(HONEST), written(tests, beside=beside))
    assert [case for case in check.cases if not case.passed] == []
    assert (check.isolated, check.shared) == ((0, len(tests)) if beside else (len(tests), 0))


async def test_nor_where_there_is_no_likeness(verifier: Verifier, solution: Solution) -> None:
    check = await last(verifier, solution(HONEST), written(HONEST_ANYWHERE, beside=False))
    assert (check.passed, check.shared) == (True, 3), check


BUILDERS = (
    "class Arr:\n  def __init__(s, x): s.x = x\n"
    "  def __eq__(s, o):\n    others = o.x if isinstance(o, Arr) else [o] * len(s.x)\n"
    "    return Arr([a == b for a, b in zip(s.x, others)])\n"
    "  def __ne__(s, o): return Arr([not a for a in (s == o).x])\n"
    "  __hash__ = None\n  def all(s): return all(s.x)\n  def any(s): return any(s.x)\n"
    "class Col:\n  def __init__(s, n): s.n = n\n  __hash__ = None\n"
    "  def __eq__(s, o): return f'{s.n} = {o!r}'\n"
    "class Yes:\n  def __eq__(s, o): return 'yes'\n  __hash__ = None\n"
    "class Equal:\n  def __eq__(s, o): return True\n  __hash__ = None\n"
)


@pytest.mark.parametrize(
    ("test", "status"),
    [
        ("assert (Arr([1, 2]) == Arr([1, 2])).all()", "verified"),
        ("assert (Arr([1, 1]) == 1).all()", "verified"),
        ("assert (Arr([1, 2]) == 2).any() and (Arr([1, 2]) != 2).any()", "verified"),
        ("assert (Arr([1, 2]) == 1).all()", "failed"),
        ("assert (Col('a') == 3) == 'a = 3'", "verified"),
        ("assert (Col('a') == 3) == 'a = 4'", "failed"),
        ("assert Yes() == 3", "failed"),
        ("ok = Yes() == 3\nassert ok", "failed"),
        ("assert (Equal() == 3) == True", "failed"),
        ("assert (Equal() == 3) is True", "failed"),
        ("assert (Equal() == 3).real == 1", "failed"),
    ],
)
async def test_what_gives_no_truth_value_is_looked_into(
    verifier: Verifier, solution: Solution, test: str, status: str
) -> None:
    assert (await verifier.verify(solution(BUILDERS), tests=test)).status == status
