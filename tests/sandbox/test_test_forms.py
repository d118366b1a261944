"""The forms that tests may take, and what each case says."""

from collections.abc import Callable

import pytest

from sandbox import Check, SourceFile, TestsError, Verifier, check_tests

Solution = Callable[[str], list[SourceFile]]
Cases = list[tuple[str, bool]]

CODE = (
    "_private = 7\n"
    "calls = []\n"
    "def f(x):\n    calls.append(x)\n    return x * x\n"
    "async def later(): return 5\n"
    "class Odd:\n    def __repr__(self): raise ValueError\n"
)


@pytest.fixture
def run(verifier: Verifier, solution: Solution) -> Callable[[str], object]:
    async def check(tests: str) -> Check:
        evidence = await verifier.verify(solution(CODE), tests=tests)
        assert evidence.checks[-1].name == "tests", evidence
        return evidence.checks[-1]

    return check


def outcome(check: Check) -> Cases:
    return [(case.name, case.passed) for case in check.cases]


@pytest.mark.parametrize(
    ("tests", "cases"),
    [
        ("assert f(2) == 4\nassert _private == 7", [("f(2) == 4", True), ("_private == 7", True)]),
        ("from solution import f as g\nassert g(3) == 9", [("g(3) == 9", True)]),
        ("assert f(1) == 2\nassert f(2) == 4", [("f(1) == 2", False), ("f(2) == 4", True)]),
        (
            "def test_a():\n    assert f(2) == 4\ndef test_b():\n    assert f(2) == 5",
            [("test_a", True), ("test_b", False)],
        ),
        ("async def test_later():\n    assert await later() == 5", [("test_later", True)]),
        ("class TestF:\n    def test_a(self): assert f(2) == 4", [("TestF.test_a", True)]),
        ("for n in range(3):\n    assert f(n) == n * n", [("for n in range(3): assert f(n) == n * n", True)]),
        ("from __future__ import annotations\nx: Undefined = 1\nassert f(x) == 1", [("f(x) == 1", True)]),
        ("assert f(2) == 4\nboom()\nassert f(3) == 9", [("f(2) == 4", True), ("boom()", False)]),
    ],
)
async def test_forms(run: Callable[[str], object], tests: str, cases: Cases) -> None:
    check: Check = await run(tests)  # type: ignore[misc]
    assert outcome(check) == cases
    assert check.passed == all(passed for _, passed in cases)


async def test_unittest(run: Callable[[str], object]) -> None:
    tests = (
        "import unittest\n"
        "class T(unittest.TestCase):\n"
        "    def test_good(self): self.assertEqual(f(2), 4)\n"
        "    def test_bad(self): self.assertEqual(f(2), 5)\n"
        "    @unittest.skip('later')\n    def test_skipped(self): pass\n"
        "class A(unittest.IsolatedAsyncioTestCase):\n"
        "    async def test_later(self): self.assertEqual(await later(), 5)\n"
    )
    check: Check = await run(tests)  # type: ignore[misc]
    assert sorted(outcome(check)) == [("A.test_later", True), ("T.test_bad", False), ("T.test_good", True)]
    assert "4 != 5" in check.detail


async def test_pytest(run: Callable[[str], object]) -> None:
    tests = (
        "import pytest\n"
        "@pytest.fixture\ndef two(): return 2\n"
        "def test_fixture(two, tmp_path): assert f(two) == 4\n"
        "@pytest.mark.parametrize('x, y', [(1, 1), (3, 8)])\ndef test_table(x, y): assert f(x) == y\n"
        "def test_raises():\n    with pytest.raises(TypeError): f('a')\n"
        "async def test_later(): assert await later() == 5 and _private == 7\n"
    )
    check: Check = await run(tests)  # type: ignore[misc]
    assert outcome(check) == [
        ("test_fixture", True),
        ("test_table[1-1]", True),
        ("test_table[3-8]", False),
        ("test_raises", True),
        ("test_later", True),
    ]
    assert "f(x) == y: left is 9, right is 8" in check.detail


async def test_a_fixture_is_served_without_importing_pytest(run: Callable[[str], object]) -> None:
    check: Check = await run("def test_a(tmp_path):\n    assert f(2) == 4 and tmp_path.exists()")  # type: ignore[misc]
    assert outcome(check) == [("test_a", True)]


@pytest.mark.parametrize(
    ("test", "detail"),
    [
        ("assert f(2) == 5", "f(2) == 5: left is 4, right is 5"),
        ("assert f(2) == 5, 'squares'", "f(2) == 5: left is 4, right is 5 (squares)"),
        ("assert 3 in [f(2)]", "3 in [f(2)]: left is 3, right is [4]"),
        ("assert not f(2)", "not f(2): got False"),
        ("assert (f(2) == 4, 'always')", "an assert on a tuple is always true"),
        ("assert Odd() == 1", "left is <Odd, whose repr raises ValueError>, right is 1"),
        ("assert 'x' * 10_000 == ''", "…"),
        ("assert f(boom) == 1", "NameError: name 'boom' is not defined"),
        ("assert exit()", "SystemExit"),
    ],
)
async def test_a_failure_shows_its_values(run: Callable[[str], object], test: str, detail: str) -> None:
    check: Check = await run(test.replace("exit()", "__import__('sys').exit(0)"))  # type: ignore[misc]
    assert not check.passed
    assert detail in check.cases[0].detail
    assert len(check.cases[0].detail) < 1000


async def test_each_side_is_evaluated_once(run: Callable[[str], object]) -> None:
    check: Check = await run("assert f(2) == 4\nassert calls == [2]")  # type: ignore[misc]
    assert check.passed


@pytest.mark.parametrize("tests", ["x = 1", "def helper(): assert True", "# nothing", "class T: pass"])
async def test_tests_without_a_test_fail(run: Callable[[str], object], tests: str) -> None:
    check: Check = await run(tests)  # type: ignore[misc]
    assert not check.passed
    assert "no test was found" in check.detail


async def test_values_of_other_types_may_equal_literals(run: Callable[[str], object]) -> None:
    tests = (
        "from decimal import Decimal\nfrom fractions import Fraction\nfrom collections import *\n"
        "from enum import IntEnum\nfrom unittest.mock import ANY\n"
        "assert Decimal(4) == 4\nassert Fraction(1, 2) == 0.5\nassert OrderedDict(a=1) == {'a': 1}\n"
        "assert namedtuple('P', 'x y')(1, 2) == (1, 2)\nassert defaultdict(int, a=[1]) == {'a': [1]}\n"
        "assert IntEnum('C', 'RED').RED == 1\nassert [Decimal(1)] == [1]\nassert deque([1]) == deque([1])\n"
        "assert f(2) == ANY\nassert {1, 2} == {2, 1}\nassert True == 1\nassert 1.0 == 1\n"
        "class Money:\n    def __init__(self, n): self.n = n\n"
        "    def __eq__(self, o): return self.n == (o.n if isinstance(o, Money) else o)\n"
        "assert Money(5) == 5\nassert Money('a') == 'a'\n"
        "assert [Money(1)] == [1]\nassert Money(1) == Money(1)\n"
        "assert {}.keys() == set()\nassert {'a': 1}.keys() == {'a'}\nassert range(3) == range(0, 3)\n"
    )
    check: Check = await run(tests)  # type: ignore[misc]
    assert [case.detail for case in check.cases if not case.passed] == []
    assert check.passed


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "checks.py is empty"),
        ("  \n", "checks.py is empty"),
        ("# words", "only comments"),
        ("x = 1\nassert (", "checks.py, line 2: '(' was never closed"),
        ("(" * 5000 + ")" * 5000, "nests brackets deeper"),
        ("-" * 1_000_000 + "1", "checks.py"),
        ("y = 1\nx = '\0'", "checks.py, line 2: remove the NUL character."),
        ("y = 1\nx = '\ud800'", "checks.py, line 2: remove the half surrogate pair."),
        ("assert True\nreturn 5", "checks.py, line 2: 'return' outside function; mend the tests."),
        ("assert True\nawait x", "checks.py, line 2: 'await' outside function"),
        ("assert True\nbreak", "checks.py, line 2: 'break' outside loop"),
        ("def test_a():\n    nonlocal q", "checks.py, line 2: no binding for nonlocal 'q' found"),
        ("from __future__ import nothing\nassert True", "line 1: future feature nothing is not defined"),
        ("def f(x, x): assert x", "checks.py, line 1: duplicate argument 'x'"),
        ("x = 1", "checks.py holds no test: write at least one assert"),
        ("f(2) == 4", "checks.py holds no test"),
        ("def helper(): return 1\nclass T: pass", "checks.py holds no test"),
        ("import unittest\nunittest.main()", "checks.py holds no test"),
        ("if __name__ == '__main__':\n    assert f(2) == 4", "checks.py holds no test"),
        ("x" * 2_000_000, "2000000 characters"),
    ],
)
def test_unusable_tests_are_the_users_to_mend(source: str, words: str) -> None:
    with pytest.raises(TestsError, match=r"checks\.py") as caught:
        check_tests(source, name="checks.py")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "None" not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "source",
    [
        "assert f(2) == 4",
        "def test_a(): pass",
        "async def test_a(): pass",
        "test_a = lambda: check(f(2))",
        "if True:\n    def test_a(): pass",
        "class TestF: pass",
        "import unittest\nclass Checks(unittest.TestCase): pass",
        "import pytest",
        "if f(2) != 4: raise SystemExit(1)",
        "import numpy.testing as npt\nnpt.assert_allclose(f(2), 4)",
        "assert '\\d'",
        "assert (f(2), 'always true')",
    ],
)
def test_usable_tests_are_taken(source: str) -> None:
    check_tests(source, name="checks.py")


def test_tests_for_pytest_need_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    check_tests("import pytest", name="checks.py")
    monkeypatch.setattr("sandbox.tests_source.has_pytest", lambda: False)
    for source in ("import pytest", "def test():\n    from pytest import raises"):
        with pytest.raises(TestsError, match="pip install pytest"):
            check_tests(source, name="checks.py")
