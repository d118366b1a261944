"""A solution that takes the names of builtins, test helpers or installed modules does not pass by it."""

from collections.abc import Callable

import pytest

from sandbox import SourceFile, Verifier
from tests.sandbox.backends import in_turn

Solution = Callable[[str], list[SourceFile]]

HELPERS = (
    "def all(*a): return True\ndef abs(x): return 0\ndef len(x): return 3\n"
    "def isinstance(*a): return True\nclass pytest:\n  class raises:\n"
    "    def __init__(s, *a, **k): pass\n    def __enter__(s): return s\n"
    "    def __exit__(s, *a): return True\n"
    "  @staticmethod\n  def approx(x): return 0\n"
    "def assert_equal(*a): pass\ndef assert_close(*a, **k): pass\ndef raises(*a): return pytest.raises()\n"
    "def fail(*a): pass\nclass Checker:\n  def assert_equal(s, *a): pass\n"
)
WRONG = HELPERS + "def f(x): return 0\n"
RIGHT = "def f(x):\n    if x < 0: raise ValueError('negative')\n    return x * x\n"


def several(**files: str) -> list[SourceFile]:
    return [SourceFile(path=f"{name}.py", content=text) for name, text in files.items()]


@in_turn(
    ("test", "beginning"),
    [
        "assert all(f(x) == x * x for x in range(5))",
        "assert abs(f(2) - 4) < 1e-9",
        "assert len([f(2)]) == 3",
        "assert isinstance(f(2), str)",
        "import pytest\nfrom solution import *\ndef test_a():\n    with pytest.raises(ValueError): f(-1)",
        (
            "import pytest\ntry:\n    from solution import *\nexcept ImportError:\n    pass\n"
            "assert f(3) == pytest.approx(9)"
        ),
    ],
    ["from solution import *\n", "from solution import *\nimport pytest\n"],
)
async def test_a_star_import_replaces_nothing_that_the_tests_have(
    verifier: Verifier, solution: Solution, beginning: str, test: str
) -> None:
    assert (await verifier.verify(solution(WRONG), tests=beginning + test)).status == "failed"
    if "str" not in test and "len" not in test:
        evidence = await verifier.verify(solution(RIGHT), tests=beginning + test)
        assert evidence.status == "verified", evidence


async def test_an_explicit_import_replaces_a_builtin(verifier: Verifier, solution: Solution) -> None:
    tests = "from solution import *\nfrom solution import all\nassert all(n > 5 for n in [1])"
    assert (await verifier.verify(solution(WRONG), tests=tests)).status == "verified"


@pytest.mark.parametrize(
    "lie",
    [
        "f.__module__ = 'functools'\n",
        "f = type('F', (), {'__call__': f, '__module__': 'os'})()\n",
        "globals()['f'] = globals().pop('f')\nfrom os import path as f_\n",
        "import functools as f\nglobals()['f'] = lambda x: 0\n",
    ],
)
async def test_what_a_name_says_of_itself_opens_no_way_to_the_builtins(
    verifier: Verifier, solution: Solution, lie: str
) -> None:
    for tests in (
        "assert all(f(x) == x * x for x in (2, 3))",
        "import sys\nassert sys and all(f(x) == x * x for x in (2, 3))",
    ):
        assert (await verifier.verify(solution(WRONG + lie), tests=tests)).status == "failed"


SUM = "def sum(values): return ANSWER\ndef abs(x): return 0\ndef isinstance(*a): return True\n"


@pytest.mark.parametrize(
    ("test", "status"),
    [
        ("assert sum([1, 2]) == 3", "verified"),
        ("assert sum([1, 2]) == 4", "failed"),
        ("assert abs(sum([1, 2]) - 3) < 1", "verified"),
        ("assert abs(sum([1, 2]) - 4) < 1", "failed"),
        ("assert isinstance(sum([1, 2]), int)", "verified"),
        ("assert isinstance(sum([1, 2]), str)", "failed"),
    ],
)
async def test_what_is_called_around_the_function_in_question_stays_a_builtin(
    verifier: Verifier, solution: Solution, test: str, status: str
) -> None:
    evidence = await verifier.verify(solution(SUM.replace("ANSWER", "3")), tests=test)
    assert evidence.status == status, evidence
    # That it is the solution's that is called.
    evidence = await verifier.verify(solution(SUM.replace("ANSWER", "None")), tests=test)
    assert evidence.status == "failed", evidence


async def test_several_builtins_that_could_be_meant_have_to_be_imported(
    verifier: Verifier, solution: Solution
) -> None:
    tests = "s = sum([1, 2])\nassert abs(s - 4) < 1"
    evidence = await verifier.verify(solution(SUM.replace("ANSWER", "3")), tests=tests)
    assert evidence.status == "failed"
    assert "from solution import abs, sum" in evidence.checks[-1].detail
    tests = f"from solution import sum\n{tests.replace('4', '3')}"
    evidence = await verifier.verify(solution(SUM.replace("ANSWER", "3")), tests=tests)
    assert evidence.status == "verified", evidence


@pytest.mark.parametrize(
    "test",
    [
        "def test_a(): assert_equal(f(2), 4)",
        "assert_equal(f(2), 4)\ndef test_a(): f(2)",
        "from solution import assert_close as assert_it\ndef test_a(): assert_it(f(2), 4)",
        "import solution\ndef test_a(): solution.assert_equal(f(2), 4)",
        "def test_a(): Checker().assert_equal(f(2), 4)",
        "def test_a():\n    checker = Checker()\n    checker.assert_equal(f(2), 4)",
        "def test_a():\n    with raises(ValueError): f(-1)",
        "def test_a():\n    if f(2) != 4: fail('no')",
        "import sys\ndef test_a():\n    checker = Checker()\n    checker.assert_equal(f(2), 4, sys)",
        "import sys\nassert_it = assert_equal\ndef test_a(): assert_it(f(2), 4, sys)",
        "class TestF:\n    check = assert_equal\n    def test_a(self): self.check(f(2), 4)",
    ],
)
async def test_the_solution_asserts_nothing(verifier: Verifier, solution: Solution, test: str) -> None:
    evidence = await verifier.verify(solution(WRONG), tests=test)
    assert evidence.status == "failed"
    assert "no assertion ran" in evidence.checks[-1].detail, evidence


NUMPY = "class testing:\n  @staticmethod\n  def assert_allclose(*a, **k): pass\ndef array(x): return x\n"
HYPOTHESIS = (
    "def given(*a, **k): return lambda test: lambda: test(2)\n"
    "def settings(*a, **k): return lambda test: test\n"
    "class strategies:\n  @staticmethod\n  def integers(*a, **k): return None\n"
)
MATH = "def isclose(*a, **k): return True\ndef sqrt(x): return x\n"


@pytest.mark.parametrize(
    ("module", "text", "tests"),
    [
        ("numpy", NUMPY, "import numpy as np\ndef test_a(): np.testing.assert_allclose(f(2), 4)"),
        pytest.param(
            "numpy",
            NUMPY,
            "from numpy import testing\ndef test_a(): testing.assert_allclose(f(2), 4)",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "hypothesis",
            HYPOTHESIS,
            """from hypothesis import given, strategies as st
@given(st.integers())
def test_f(x): assert f(x) == x * x""",
            marks=pytest.mark.slow,
        ),
        ("statistics", "def mean(x): return 4\n", "import statistics\nassert statistics.mean([f(2)]) == 4"),
        ("cmath", MATH, "from cmath import isclose\nassert isclose(f(2), 4)"),
        ("math", MATH, "import math\nassert math.isclose(f(2), 4)"),
        ("operator", "eq = lambda a, b: True\n", "import operator\nassert operator.eq(f(2), 4)"),
        ("typing_extensions", "Any = 4\n", "import sys\nimport typing_extensions as t\nassert t.Any == 4"),
    ],
)
async def test_an_installed_module_comes_before_the_solution_s(
    verifier: Verifier, module: str, text: str, tests: str
) -> None:
    files = several(solution="def f(x): return 4 if x == 2 and ANSWER else 0\n".replace("ANSWER", "0"))
    evidence = await verifier.verify([*files, *several(**{module: text})], tests=tests)
    assert evidence.status == "failed", evidence
    beside = f"import sys\n{tests}\ndef test_sys(): assert sys"
    evidence = await verifier.verify([*files, *several(**{module: text})], tests=beside)
    assert evidence.status == "failed", evidence


@pytest.mark.parametrize(
    "tests",
    [
        "from queue import Ring\nassert Ring(2).size == 2",
        "import queue\ndef test_a(): assert queue.Ring(2).size == 2",
        "import sys\nfrom queue import Ring\ndef test_a(): assert sys and Ring(2).size == 2",
        pytest.param(
            "import pytest\nfrom queue import Ring\ndef test_a(): assert Ring(2).size == 2",
            marks=pytest.mark.slow,
        ),
        "assert Ring(2).size == 2",
    ],
)
async def test_a_module_of_the_solution_may_be_called_like_one_that_has_nothing_of_it(
    verifier: Verifier, tests: str
) -> None:
    ring = "class Ring:\n    def __init__(self, size): self.size = size\n"
    evidence = await verifier.verify(several(queue=ring), tests=tests)
    assert evidence.status == "verified", evidence
    evidence = await verifier.verify(several(queue=ring.replace("size\n", "0\n")), tests=tests)
    assert evidence.status == "failed", evidence


@pytest.mark.parametrize("path", ["pytest.py", "unittest.py", "unittest/__init__.py", "_pytest/python.py"])
async def test_a_solution_is_not_called_like_what_runs_its_tests(verifier: Verifier, path: str) -> None:
    files = [
        *several(solution="def f(x): return 0\n"),
        SourceFile(path=path, content="main = TestCase = int"),
    ]
    evidence = await verifier.verify(files, tests="import unittest, pytest\ndef test_a(): assert f(2) == 4")
    assert evidence.status == "failed"
    assert f"{path}: a solution may not be called like" in evidence.checks[0].detail
