"""A solution in the process of its tests that goes for what judges them, or for the tests, does not pass."""

from collections.abc import Callable

import pytest

from sandbox import SourceFile, Verifier
from tests.sandbox.backends import in_every_form

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
    "library": (
        "import sys, math\ndef test_a(): assert sys and math.isclose(f(3), 9)\n"
        "def test_b(): assert sys and math.isclose(f(2), 4)\n"
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
    "a stop that counts again": (
        "import unittest.case\ndef meddle():\n  class Stop(Exception): pass\n"
        "  unittest.case._ShouldStop = Stop\n  raise Stop\n"
    ),
    "the methods of unittest": (
        "import unittest\ndef meddle():\n  unittest.TestCase.assertEqual = lambda *a: None\n"
        "  unittest.TestCase.run = lambda s, r: r.addSuccess(s)\n"
    ),
    "the means of the library": (
        "import math, operator\ndef meddle():\n  math.isclose = operator.eq = lambda *a: True\n"
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


@in_every_form(TRICKS, FORMS, daily={"pytest's plugins"})
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
