"""A solution in the process of its tests that goes for what judges them, or for the tests, does not pass."""

from collections.abc import Callable

import pytest

from sandbox import SourceFile, Verifier

Solution = Callable[[str], list[SourceFile]]

# Each finds the module of the tests, where it can be found, and `meddle` is called in the first call of `f`.
FIND = """
import sys, types
def below(kind, seen):
    for each in type.__subclasses__(kind):
        if each not in seen:
            seen.add(each)
            below(each, seen)
    return seen
def classes(): return {each.__name__: each for each in below(object, set())}
def tests():
    for module in list(sys.modules.values()):
        if getattr(module, '__name__', '').startswith(('duograph_tests', 'test_')):
            return module
class L(list): pass
done = []
def f(x):
    if not tests() and 'SharedReport' not in classes(): return L()
    if not done:
        done.append(1)
        meddle()
    return ANSWER
"""
WRONG = FIND.replace("ANSWER", "0")
RIGHT_THEN_WRONG = FIND.replace("ANSWER", "9 if x == 3 else 0")
HELPED = "import sys\ndef helper(): return sys\n"
FORMS = {
    "plain": "assert f(2) == 4\nassert f(3) == 9",
    "function": "def test_a(): assert f(3) == 9\ndef test_b(): assert f(2) == 4",
    "found by name": (
        HELPED + "def test_a(): assert helper() and f(3) == 9\ndef test_b(): assert helper() and f(2) == 4"
    ),
    "class": (
        HELPED + "class TestF:\n    def test_a(self): assert f(3) == 9 and helper()\n"
        "    def test_b(self): assert f(2) == 4 and helper()\n"
    ),
    "unittest": (
        HELPED + "import unittest\nclass T(unittest.TestCase):\n"
        "    def test_a(self): self.assertEqual(f(3), 9, helper())\n"
        "    def test_b(self): self.assertEqual(f(2), 4, helper())\n"
    ),
    "pytest": (
        HELPED + "import pytest\ndef test_a(): assert helper() and f(3) == 9\n"
        "@pytest.mark.parametrize('x', [2])\ndef test_b(x): assert helper() and f(x) == 4\n"
    ),
    "builtins": HELPED + "def test_a(): assert all(f(x) == x * x and helper() for x in (3, 2))",
}
TRICKS = {
    "the operators": (
        "def meddle():\n  for value in list(vars(tests()).values()):\n"
        "    names = getattr(getattr(value, '__func__', value), '__globals__', {})\n"
        "    for each in names.values():\n"
        "      if isinstance(each, dict) and 'Eq' in each: each.update(Eq=lambda a, b: True)\n"
    ),
    "the helpers among the names of the tests": (
        "def meddle():\n  for name in list(vars(tests())):\n    if name.startswith('_') and 'e' in name:\n"
        "      setattr(tests(), name, lambda *a: None)\n"
    ),
    "the globals of ours, by classes": (
        "def meddle():\n  names = classes()['Checks'].compare.__globals__\n"
        "  names['_OPERATORS'] = {kind: lambda a, b: True for kind in names['_OPERATORS']}\n"
        "  names['convincing'] = lambda *a: True\n"
    ),
    "the builtins of ours, by classes": (
        "def meddle():\n  names = classes()['Checks'].compare.__globals__['__builtins__']\n"
        "  names['bool'] = names['isinstance'] = lambda *a: True\n"
    ),
    "the methods of ours, by classes": (
        "def meddle():\n  found = classes()\n  found['Judge'].failed = found['Judge'].refuse = "
        "lambda self, name, *a: self.came_back(name)\n  found['Tally'].fail = lambda s, d: ValueError()\n"
    ),
    "the cells of ours, by classes": (
        "def meddle():\n  for kind in classes().values():\n    for value in list(vars(kind).values()):\n"
        "      for cell in getattr(value, '__closure__', None) or ():\n"
        "        if kind.__module__ in ('shared', 'judging', 'asserts', 'cases', 'records'):\n"
        "          cell.cell_contents = lambda *a, **k: True\n"
        "  classes()['SharedReport'].case.__globals__['clip'] = lambda text, most: text\n"
    ),
    "the builtins of the tests": (
        "def meddle():\n  for name in ('all', 'len', 'isinstance'):\n"
        "    vars(tests())['__builtins__'][name] = lambda *a: True\n"
    ),
    "another test in the place of one": (
        "def meddle():\n  module = tests()\n  module.test_b = module.test_a\n"
        "  for kind in (getattr(module, 'T', None), getattr(module, 'TestF', None)):\n"
        "    if kind: kind.test_b = kind.test_a\n"
    ),
    "a module in the place of one that the tests import": (
        "class Fake:\n  def __getattr__(s, n): return lambda *a, **k: (lambda f: f)\n"
        "def meddle():\n  vars(tests()).update(pytest=Fake(), unittest=Fake(), sys=Fake())\n"
    ),
    "skipping marks": (
        "import unittest\ndef meddle():\n  module = tests()\n"
        "  for owner in (module, getattr(module, 'T', None), getattr(module, 'TestF', None)):\n"
        "    test = getattr(owner, 'test_b', None)\n    if test is None: continue\n"
        "    vars(test).update(__unittest_skip__=True, __unittest_expecting_failure__=True)\n"
        "    import pytest\n    test.pytestmark = [pytest.mark.skip.mark, pytest.mark.xfail.mark]\n"
    ),
    "a skip": "import unittest\ndef meddle(): raise unittest.SkipTest('no')\n",
    "a stop": "import unittest.case\ndef meddle(): raise unittest.case._ShouldStop\n",
    "pytest's skip": "import pytest\ndef meddle(): pytest.skip('no')\n",
    "pytest's xfail": "import pytest\ndef meddle(): pytest.xfail('no')\n",
    "pytest's plugins": (
        "def meddle():\n  from _pytest.debugging import pytestPDB\n"
        "  plugins = pytestPDB._config.pluginmanager\n"
        "  for each in list(plugins.get_plugins()):\n"
        "    if 'duograph' in repr(each) or '_cases' in type(each).__module__:\n"
        "      for name in ('_open', '_judge', '_defers'): vars(each).pop(name, None)\n"
        "      plugins.unregister(each)\n"
    ),
    "a code of its own from a file": (
        "def meddle():\n  import importlib.machinery, importlib.util, marshal\n"
        "  code = compile('import sys; sys._getframe()', 'x', 'exec')\n"
        "  data = marshal.dumps(code).replace(b'\\x01x', b'\\x01<')\n"
        "  open('zz.pyc', 'wb').write(importlib.util.MAGIC_NUMBER + bytes(12) + data)\n"
        "  importlib.machinery.SourcelessFileLoader('zz', 'zz.pyc').load_module()\n"
    ),
    "frames from the library": (
        "def meddle():\n  import logging, pkgutil, string\n  frame = logging.currentframe()\n"
        "  while frame.f_back is not None: frame = frame.f_back\n"
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("trick", TRICKS)
async def test_no_meddling_passes(verifier: Verifier, solution: Solution, trick: str, form: str) -> None:
    for code in (WRONG, RIGHT_THEN_WRONG):
        evidence = await verifier.verify(solution(code + TRICKS[trick]), tests=FORMS[form])
        assert evidence.status == "failed", evidence
        assert evidence.checks[-1].name == "tests", evidence


@pytest.mark.parametrize("form", FORMS)
async def test_an_honest_solution_passes_beside_its_tests(
    verifier: Verifier, solution: Solution, form: str
) -> None:
    code = FIND.replace("ANSWER", "x * x") + "def meddle(): pass\n"
    evidence = await verifier.verify(solution(code), tests=FORMS[form])
    assert evidence.status == "verified", evidence


@pytest.mark.parametrize("names", [".__code__.co_consts", "__dis__"])
async def test_expected_values_are_not_read_from_the_code_of_a_test(
    verifier: Verifier, solution: Solution, names: str
) -> None:
    code = (
        "import sys, dis\nclass L(list): pass\ndef f(x):\n"
        "  for module in list(sys.modules.values()):\n    test = getattr(module, 'test_b', None)\n"
        "    if test is None: continue\n"
        + (
            "    consts = [i.argval for i in dis.get_instructions(test)]\n"
            if names == "__dis__"
            else "    consts = list(test.__code__.co_consts)\n"
        )
        + "    if x in consts: return consts[consts.index(x) + 1]\n  return L()\n"
    )
    for form in ("function", "found by name"):
        evidence = await verifier.verify(solution(code), tests=FORMS[form].replace("test_a", "test_b"))
        assert evidence.status == "failed", evidence


async def test_a_callback_of_a_test_does_not_lead_to_its_judge(
    verifier: Verifier, solution: Solution
) -> None:
    code = (
        "def f(x, note):\n  result = note.__self__._outcome.result\n"
        "  for name in ('addSuccess', 'stopTest'):\n"
        "    try: getattr(result, name)(note.__self__)\n    except Exception: pass\n"
        "  for name in ('addFailure', 'addError'): setattr(result, name, lambda *a: None)\n  return 0\n"
    )
    tests = (
        "import unittest\nclass T(unittest.TestCase):\n    def note(self, x): pass\n"
        "    def test_a(self):\n        self.assertEqual(1, 1)\n"
        "        self.assertEqual(f(2, self.note), 4)\n"
        "    def test_b(self): self.assertEqual(1, 1)\n"
    )
    for form in (tests, f"import sys\n{tests}        sys.argv"):
        assert (await verifier.verify(solution(code), tests=form)).status == "failed"


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


@pytest.mark.parametrize("teller", TELLERS)
@pytest.mark.parametrize(
    ("tests", "acceptance"),
    [
        ("assert f(2) == 4\nassert f(3) == 9", ""),
        ("import pytest\ndef test_a(): assert f(2) == 4\ndef test_b(): assert f(3) == 9", ""),
        ("import sys\nassert not f(2) == 5\ndef test_a(): assert sys and f(2) == 5", ""),
        ("assert not f(2) == 4", "import sys\nassert sys and f(2) == 4"),
        ("import sys\nassert sys and not f(2) == 4", "assert f(2) == 4"),
    ],
)
async def test_what_one_process_of_the_solution_learned_reaches_no_other(
    verifier: Verifier, solution: Solution, teller: str, tests: str, acceptance: str
) -> None:
    evidence = await verifier.verify(solution(TELLING + TELLERS[teller]), tests=tests, acceptance=acceptance)
    failed = [check.name for check in evidence.checks if not check.passed]
    assert failed[-1] == ("acceptance" if acceptance else "tests"), evidence


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
