"""A solution that steers a case away, or tells its other process what to say, does not pass."""

from collections.abc import Callable

import pytest

from sandbox import SourceFile, Verifier
from tests.sandbox.backends import in_turn

Solution = Callable[[str], list[SourceFile]]

# Each tells another process of the solution what it learned; `told` gives it back there.
TELLERS = {
    "a file": (
        "def places():\n  here = os.path.dirname(os.path.abspath(__file__))\n"
        "  return [os.path.join(p, 'known') for p in (here, os.path.dirname(here), '/dev/shm')]\n"
        "def tell(x, y):\n  for place in places():\n    try:\n"
        "      with open(place, 'a') as file: file.write(json.dumps([x, y]) + '\\n')\n"
        "    except OSError: pass\n"
        "def told():\n  for place in places():\n    if os.path.exists(place):\n"
        "      yield from map(json.loads, open(place))\n"
    ),
    "a process that stays": (
        "def tell(x, y):\n  if os.fork() == 0:\n    os.setsid()\n"
        "    for _ in range(200):\n      import time; time.sleep(0.02)\n"
        "      for each in os.listdir('.'):\n        try:\n"
        "          with open(os.path.join(each, f'known-{x}-{y}'), 'w'): pass\n        except OSError: pass\n"
        "def told():\n  import time; time.sleep(0.2)\n"
        "  for each in os.listdir('.'):\n"
        "    if each.startswith('known-'): yield map(int, each.split('-')[1:])\n"
    ),
}
TELLING = """
import json, os
class E:
    __hash__ = None
    def __init__(self, x): self.x = x
    def __eq__(self, other):
        if type(other) is int: tell(self.x, other)
        return False
def f(x):
    for known, value in told():
        if known == x: return value
    return E(x)
"""


@in_turn(
    ("asked", "teller"),
    [
        ("assert f(2) == 4\nassert f(3) == 9", ""),
        ("import pytest\ndef test_a(): assert f(2) == 4\ndef test_b(): assert f(3) == 9", ""),
        ("import sys\nassert not f(2) == 5\ndef test_a(): assert sys and f(2) == 5", ""),
        ("assert not f(2) == 4", "import sys\nassert sys and f(2) == 4"),
        ("import sys\nassert sys and not f(2) == 4", "assert f(2) == 4"),
    ],
    list(TELLERS),
)
async def test_what_one_process_of_the_solution_learned_reaches_no_other(
    verifier: Verifier, solution: Solution, asked: tuple[str, str], teller: str
) -> None:
    tests, acceptance = asked
    evidence = await verifier.verify(solution(TELLING + TELLERS[teller]), tests=tests, acceptance=acceptance)
    failed = [check.name for check in evidence.checks if not check.passed]
    assert failed[-1] == ("acceptance" if acceptance else "tests"), str(evidence)


async def test_a_step_that_goes_on_in_another_run_is_one_step(verifier: Verifier, solution: Solution) -> None:
    code = "class V:\n  def __init__(s, x): s.x = x\ndef f(x): return V(x)\ndef g(x): return x * x\n"
    tests = (
        "import sys\ndef test_a(): assert f(2).x == 2\ndef test_b(): assert sys and g(3) == 9\n"
        "def test_c(): assert g(1) == 1\ndef test_d(): assert g(0) == 1\n"
    )
    generated = "import sys\ndef test_e(): assert g(4) == 16\ndef test_f(): assert sys and g(5) == 25\n"
    heard: list[str] = []
    evidence = await verifier.verify(
        solution(code),
        tests=tests.replace("== 1\n", "== g(0) + 1\n", 1).replace("g(0) == 1", "g(0) == 0"),
        acceptance=generated,
        on_check=lambda check: heard.append(check.name),
    )
    assert evidence.status == "verified", evidence
    assert [name for name in heard if name != "lint"] == ["parse", "compile", "import", "tests", "acceptance"]
    outcomes = [(case.name, case.isolated) for check in evidence.checks[-2:] for case in check.cases]
    assert outcomes == [
        ("test_a", True),
        ("test_c", True),
        ("test_d", True),
        ("test_b", False),
        ("test_e", True),
        ("test_f", False),
    ]
    evidence = await verifier.verify(solution(code), tests=tests)
    assert evidence.checks[-1].detail.startswith("1 of 4 failed: g(0) == 1: left is 0, right is 1")


async def test_the_time_of_one_verification_is_for_all_its_runs(
    hurried: Verifier, solution: Solution
) -> None:
    code = "import time\nclass E: pass\ndef f(x):\n  time.sleep(0.7)\n  return E()\n"
    evidence = await hurried.verify(solution(code), tests="assert f(2) == 4")
    assert evidence.status == "failed"
    assert "stopped after 1 s at f(2) == 4" in evidence.checks[-1].detail


SKIPS = [
    "pytest.skip('no')",
    "pytest.xfail('no')",
    "raise pytest.skip.Exception('no', allow_module_level=True)",
    "raise unittest.SkipTest('no')",
    "raise unittest.case._ShouldStop",
    "raise type('Stop', (BaseException,), {})",
]
SKIPPING = "import pytest, unittest.case\ndef f(x):\n" + "".join(
    f"    if x == {-number}: {skip}\n" for number, skip in enumerate(SKIPS, 1)
)
# For each of them one case, whose number stands for `NO`.
FORMS = {
    "function": "def test_NO(): assert f(-NO) == 4\n",
    "fixture": "@pytest.fixture\ndef fix_NO(): return f(-NO)\ndef test_NO(fix_NO): assert fix_NO == 4\n",
    "teardown": (
        "@pytest.fixture\ndef fix_NO():\n    yield 4\n    f(-NO)\ndef test_NO(fix_NO): assert fix_NO == 4\n"
    ),
    "setup": "class TestNO:\n    def setup_method(self): f(-NO)\n    def test_NO(self): assert 4 == 4\n",
    "setUp": (
        "class TNO(unittest.TestCase):\n    def setUp(self): f(-NO)\n"
        "    def test_NO(self): self.assertEqual(4, 4)\n"
    ),
    "subTest": (
        "class TNO(unittest.TestCase):\n    def test_NO(self):\n        self.assertEqual(4, 4)\n"
        "        with self.subTest(): self.assertEqual(f(-NO), 4)\n"
    ),
    "cleanup": (
        "class TNO(unittest.TestCase):\n    def test_NO(self):\n        self.addCleanup(f, -NO)\n"
        "        self.assertEqual(4, 4)\n"
    ),
}


# What unittest runs may be run by either.
UNDER_PYTEST = [
    pytest.param(form, "import pytest\n", marks=[pytest.mark.slow] * (form != "fixture")) for form in FORMS
]
UNDER_UNITTEST = [
    pytest.param(form, "", marks=[pytest.mark.slow] * (form != "setUp"))
    for form, text in FORMS.items()
    if "unittest" in text
]


@pytest.mark.parametrize(
    "beside", [pytest.param("", marks=pytest.mark.slow), "import sys\ndef helper(): return sys\n"]
)
@pytest.mark.parametrize(("form", "runner"), UNDER_PYTEST + UNDER_UNITTEST)
async def test_only_the_tests_leave_a_case_out(
    verifier: Verifier, solution: Solution, form: str, beside: str, runner: str
) -> None:
    each = "".join(FORMS[form].replace("NO", str(number)) for number in range(1, len(SKIPS) + 1))
    tests = f"{runner}import unittest\n{beside}def test_0(): assert f(0) is None\n{each}"
    if beside:
        tests = tests.replace("f(-", "f(helper() and -").replace("f, -", "f, helper() and -")
    evidence = await verifier.verify(solution(SKIPPING), tests=tests)
    failed = " ".join(case.name for case in evidence.checks[-1].cases if not case.passed)
    assert all(f"test_{number}" in failed for number in range(1, len(SKIPS) + 1)), evidence
    evidence = await verifier.verify(solution("def f(x): return 4 if x else None\n"), tests=tests)
    assert evidence.status == "verified", evidence


@in_turn(
    ("test", "beside"),
    [
        "needs = pytest.mark.skipif(True, reason='no')\n@needs\ndef test_b(): assert f(2) == 5",
        "@pytest.mark.xfail\ndef test_b(): assert f(2) == 5",
        "@pytest.mark.xfail(raises=ValueError)\ndef test_b(): raise ValueError(f(2))",
        "@pytest.fixture\ndef absent(): pytest.skip('not here')\ndef test_b(absent): assert f(2) == 5",
        "@pytest.mark.parametrize('x', [pytest.param(5, marks=pytest.mark.skip)])\ndef test_b(x): assert x",
        "class TestB:\n    pytestmark = pytest.mark.skip\n    def test_b(self): assert f(2) == 5",
        "@pytest.mark.skip\nclass TestB:\n    def test_b(self): assert f(2) == 5",
        (
            "import unittest\n@unittest.skip('no')\nclass T(unittest.TestCase):\n"
            "    def test_b(self): self.assertEqual(f(2), 5)"
        ),
        (
            "import unittest\nclass T(unittest.TestCase):\n    @unittest.expectedFailure\n"
            "    def test_b(self): self.assertEqual(f(2), 5)"
        ),
    ],
    ["", "import sys\nhelper = sys\n"],
    every=3,
)
async def test_the_tests_themselves_may_leave_a_case_out(
    verifier: Verifier, solution: Solution, test: str, beside: str
) -> None:
    tests = f"import pytest\n{beside}def test_a(): assert f(3) == 9\n{test}\n"
    tests = tests.replace("f(2)", "f(helper and 2)") if beside else tests
    evidence = await verifier.verify(solution("def f(x): return x * x\n"), tests=tests)
    assert evidence.status == "verified", evidence
    assert len(evidence.checks[-1].cases) == 1


async def test_the_end_of_an_object_is_the_tests_affair(verifier: Verifier, solution: Solution) -> None:
    code = "class A:\n  log = []\n  def __del__(self): A.log.append('gone')\n"
    evidence = await verifier.verify(
        solution(code), tests="import sys\na = A()\nassert sys\ndel a\nassert sys and A.log == ['gone']"
    )
    assert evidence.status == "verified", evidence
