"""Only what was asserted counts: tests that assert nothing prove nothing."""

from collections.abc import Callable

import pytest

from sandbox import Check, SourceFile, Verifier
from tests.sandbox.backends import rarely

Solution = Callable[[str], list[SourceFile]]

WRONG = "def f(x):\n    return 0\n"
RIGHT = (
    "import asyncio\n\ndef f(x):\n    if x < 0: raise ValueError('negative')\n    return x * x\n"
    "async def later(): return 5\n"
)
NOTHING_ASSERTED = {
    "generator": "def test_a():\n    yield\n    assert f(2) == 4",
    "async generator": "async def test_a():\n    yield\n    assert f(2) == 4",
    "dead branch": "def test_a():\n    if False: assert f(2) == 4",
    "empty loop": "def test_a():\n    for a in []: assert f(a) == 4",
    "dead branch of the module": "if False:\n    assert f(2) == 4",
    "empty loop of the module": "for a in []:\n    assert f(a) == 4",
    "empty test": "def test_a(): pass",
    "forgotten assert": "def test_a(): f(2) == 4",
    "returned comparison": "def test_a(): return f(2) == 4",
    "lambda": "test_a = lambda: None",
    "lambda in its place": "def test_a(): assert f(2) == 4\ntest_a = lambda: None",
    "method": "class TestF:\n    def test_a(self): f(2) == 4",
    "early return": "def test_a():\n    return\n    assert f(2) == 4",
    "nested function": "def test_a():\n    def inner(): assert f(2) == 4",
    "stub that raises": "def test_a():\n    def stub(): raise ValueError\n    f(2) == 4",
    "unittest": "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): f(2) == 4",
    "unittest, empty loop": (
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n"
        "        for a in []: self.assertEqual(f(a), 4)"
    ),
    "unittest, generator": (
        "import unittest, warnings\nwarnings.simplefilter('ignore')\nclass T(unittest.TestCase):\n"
        "    def test_a(self):\n        yield\n        self.assertEqual(f(2), 4)"
    ),
    "pytest": "import pytest\ndef test_a(): f(2) == 4",
    "pytest, lambda": "import pytest\ntest_a = lambda: None",
    "pytest, table": "import pytest\n@pytest.mark.parametrize('x', [1])\ndef test_a(x):\n    f(x) == 4",
    "pytest, dead branch of the module": (
        "import pytest\nif []:\n    assert f(2) == 4\ndef test_b(): assert True"
    ),
}
SWALLOWED = {
    "except": "def test_a():\n    try: assert f(2) == 4\n    except AssertionError: pass",
    "bare except": "def test_a():\n    try: assert f(2) == 4\n    except: pass",
    "suppress": (
        "import contextlib\ndef test_a():\n    with contextlib.suppress(Exception):\n        assert f(2) == 4"
    ),
    "of the module": "try:\n    assert f(2) == 4\nexcept AssertionError:\n    pass",
    "beside a good one": "def test_a():\n  assert True\n  try: assert f(2) == 4\n  except Exception: pass",
    "dead end": "def test_a():\n    try:\n        f(-1)\n        assert False\n    except Exception: pass",
    "thread": (
        "import threading\ndef test_a():\n    def work(): assert f(2) == 4\n"
        "    t = threading.Thread(target=work)\n    t.start()\n    t.join()"
    ),
    "unittest": (
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n"
        "        try: self.assertEqual(f(2), 4)\n        except AssertionError: pass"
    ),
    "pytest": "import pytest\ndef test_a():\n    try: assert f(2) == 4\n    except AssertionError: pass",
}
HONEST = {
    "helper": "def check(x, y): assert f(x) == y\ndef test_a(): check(2, 4)",
    "helper called by the module": "def check(x, y): assert f(x) == y\ncheck(2, 4)",
    "raise": "def test_a():\n    if f(2) != 4: raise AssertionError('no')",
    "raise of the module": "if f(2) != 4:\n    raise SystemExit(1)",
    "helper that raises": "def check(x, y):\n    if f(x) != y: raise ValueError\ndef test_a(): check(2, 4)",
    "dead end": "def test_a():\n  try:\n    f(-1)\n    assert False, 'no error'\n  except ValueError: pass",
    "dead end of the module": "try:\n    f(-1)\n    assert False\nexcept ValueError:\n    pass",
    "dead end in else": (
        "def test_a():\n  try: f(-1)\n  except ValueError: pass\n  else: raise AssertionError('no error')"
    ),
    "dead end at the end": (
        "def test_a():\n    try: f(-1)\n    except ValueError: return\n    raise AssertionError('no error')"
    ),
    "test under if": "if True:\n    def test_a(): assert f(2) == 4",
    "lambda": "def check(x, y): assert f(x) == y\ntest_a = lambda: check(2, 4)",
    "other platform": "import sys\nif sys.platform == 'none':\n    assert f(2) == 5\nassert f(2) == 4",
    "async": "async def test_a(): assert await later() == 5",
    "unittest": (
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(f(2), 4)\n"
        "    def test_b(self):\n        with self.assertRaises(ValueError): f(-1)\n"
        "    def test_c(self):\n      try: f(-1)\n      except ValueError: return\n"
        "      self.fail('no error')"
    ),
    "mock": (
        "from unittest.mock import Mock\n"
        "def test_a():\n    m = Mock()\n    m(f(2))\n    m.assert_called_once_with(4)"
    ),
    "pytest": (
        "import pytest\ndef test_a():\n    with pytest.raises(ValueError): f(-1)\n"
        "def test_b():\n    try: f(-1)\n    except ValueError: return\n    pytest.fail('no error')"
    ),
    "pytest without a function": "import pytest\nwith pytest.raises(ValueError): f(-1)\nassert f(2) == 4",
    "pytest, fixture that asserts": (
        "import pytest\n@pytest.fixture\n"
        "def four():\n    assert f(2) == 4\n    yield 4\ndef test_a(four): f(four)"
    ),
    "expected failure": (
        "import unittest\nclass T(unittest.TestCase):\n    @unittest.expectedFailure\n"
        "    def test_a(self): self.assertEqual(f(2), 5)\n    def test_b(self): self.assertEqual(f(2), 4)"
    ),
    "unittest.main()": (
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(f(2), 4)\n"
        "unittest.main()"
    ),
    "main by other names": (
        "import sys\nimport unittest as u\nfrom unittest import main as go\n"
        "class T(u.TestCase):\n    def test_a(self): self.assertEqual(f(2), 4)\n"
        "go()\nu.main(exit=False)\nsys.exit(u.main())"
    ),
    "pytest.main()": "import pytest\ndef test_a(): assert f(2) == 4\npytest.main([__file__])",
}


def under_pytest_too(form: str) -> bool:
    """What needs pytest, whose import takes longest; the plain form of it is met every day."""
    return form != "pytest" and form.startswith("pytest")


@pytest.mark.parametrize("form", rarely(NOTHING_ASSERTED, under_pytest_too))
async def test_a_case_in_which_no_assertion_ran_has_failed(
    verifier: Verifier, solution: Solution, form: str
) -> None:
    for code in (WRONG, RIGHT):
        evidence = await verifier.verify(solution(code), tests=NOTHING_ASSERTED[form])
        assert evidence.status == "failed", evidence
        check = evidence.checks[-1]
        assert "no assertion ran" in check.detail or "generator" in check.detail, check


@pytest.mark.parametrize("form", SWALLOWED)
async def test_a_swallowed_failure_is_a_failure(verifier: Verifier, solution: Solution, form: str) -> None:
    evidence = await verifier.verify(solution(WRONG), tests=SWALLOWED[form])
    assert evidence.status == "failed", evidence
    assert "swallowed" in evidence.checks[-1].detail, evidence
    if form != "dead end":
        assert (await verifier.verify(solution(RIGHT), tests=SWALLOWED[form])).status == "verified"


@pytest.mark.parametrize("form", rarely(HONEST, under_pytest_too))
async def test_an_honest_test_passes_and_finds_the_wrong(
    verifier: Verifier, solution: Solution, form: str
) -> None:
    evidence = await verifier.verify(solution(RIGHT), tests=HONEST[form])
    assert evidence.status == "verified", evidence
    evidence = await verifier.verify(solution(WRONG), tests=HONEST[form])
    assert evidence.status == "failed", evidence


@pytest.mark.parametrize(
    "form", rarely([form for form in NOTHING_ASSERTED if "pytest, dead" not in form], under_pytest_too)
)
async def test_generated_tests_that_assert_nothing_are_set_aside(
    verifier: Verifier, solution: Solution, form: str
) -> None:
    evidence = await verifier.verify(
        solution(RIGHT), tests="assert f(2) == 4", acceptance=NOTHING_ASSERTED[form]
    )
    check = evidence.checks[-1]
    assert evidence.status == "verified"
    assert (check.name, check.passed, check.required) == ("acceptance", False, False), check
    assert check.detail.startswith("set aside: the generated tests hold no test")


async def test_generated_tests_count_without_those_that_assert_nothing(
    verifier: Verifier, solution: Solution
) -> None:
    tests = "def test_a(): assert f(2) == 4\ndef test_b(): f(2) == 5"
    check: Check = (await verifier.verify(solution(RIGHT), acceptance=tests)).checks[-1]
    assert [(case.name, case.passed) for case in check.cases] == [("test_a", True)]
    assert check.detail == "1 passed, 1 set aside in which no assertion ran"
    assert (await verifier.verify(solution(WRONG), acceptance=tests)).status == "failed"


async def test_a_coroutine_that_nobody_awaited_is_no_truth(verifier: Verifier) -> None:
    files = [SourceFile(path="solution.py", content="async def is_ok():\n    return False\n")]
    evidence = await verifier.verify(files, tests="assert is_ok()")
    assert evidence.status == "failed"
    assert evidence.failure is not None
    assert "a coroutine that nobody awaited" in evidence.failure.detail


async def test_a_failure_that_was_announced_shows_nothing(verifier: Verifier, solution: Solution) -> None:
    announced = (
        "import unittest\nclass T(unittest.TestCase):\n    @unittest.expectedFailure\n"
        "    def test_a(self):\n        self.assertEqual(f(2), 5)\n"
    )
    assert (await verifier.verify(solution(RIGHT), tests=announced)).status == "failed"
    both = announced + "    def test_b(self):\n        self.assertEqual(f(2), 4)\n"
    assert (await verifier.verify(solution(RIGHT), tests=both)).status == "verified"
