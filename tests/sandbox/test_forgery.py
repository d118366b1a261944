"""A solution that does not solve its task does not pass, whatever it tries."""

from collections.abc import Callable

import pytest

from sandbox import SourceFile, Verifier
from tests.sandbox.backends import in_every_form, rarely

Solution = Callable[[str], list[SourceFile]]

PLAIN = "assert f(2) == 4"
FORMS = {
    "plain": "assert f(2) == 4\nassert f(3) == 9",
    "function": "def test_f():\n    assert f(2) == 4",
    "unittest": "import unittest\nclass T(unittest.TestCase):\n  def test_f(self): self.assertEqual(f(2), 4)",
    "pytest": "import pytest\ndef test_f():\n    assert f(2) == 4",
    "beside the solution": "import sys\ndef test_f():\n    assert sys and f(2) == 4",
}
WRONG = "def f(x):\n    return 0\n"

TRICKS = {
    "exit_at_import": "import sys\nsys.exit(0)\n",
    "hard_exit_at_import": "import os\nos._exit(0)\n",
    "exit_in_call": "import sys\ndef f(x): sys.exit(0)\n",
    "hard_exit_in_call": "import os\ndef f(x): os._exit(0)\n",
    "exit_in_thread": "import os, threading\nthreading.Thread(target=os._exit, args=(0,)).start()\n",
    "print": "print('PASSED'); print('{\"passed\": true}')\nprint('1 passed in 0.01s')\n",
    "write_everywhere": (
        "import os\nfor n in range(100):\n"
        "  for line in (b'PASSED\\n', b'end\\n', b'0 end \\n', b'{\"kind\":\"end\",\"done\":true}\\n'):\n"
        "    try: os.write(n, line)\n"
        "    except OSError: pass\n"
    ),
    "close_everything": "import os\nos.closerange(0, 100)\n",
    "kill_parent": "import os\nos.kill(os.getppid(), 9)\n",
    "kill_group": "import os\nos.kill(0, 9)\n",
    "patch_builtins": (
        "import builtins\nclass Any:\n  def __eq__(s, o): return True\n"
        "builtins.isinstance = lambda *a: True\nbuiltins.bool = lambda *a: True\n"
        "builtins.len = lambda *a: 0\n"
        "builtins.AssertionError = StopIteration\nbuiltins.BaseException = KeyError\n"
        "builtins.type = lambda *a: int\n"
        "builtins.exec = lambda *a: None\nbuiltins.compile = lambda *a, **k: None\n"
    ),
    "patch_builtins_in_call": (
        "import builtins\ndef f(x):\n"
        "  for name in ('isinstance', 'bool', 'len', 'exec', 'compile', 'AssertionError', "
        "'BaseException', 'type'):\n"
        "    setattr(builtins, name, lambda *a, **k: True)\n  return 0\n"
    ),
    "patch_operator": (
        "import operator, _operator\nfor m in (operator, _operator):\n"
        "  m.eq = lambda a, b: True\n  m.truth = bool\n"
    ),
    "patch_json_sys_os": (
        "import json, sys, os\njson.dumps = json.dump = lambda *a, **k: '{\"passed\": true}'\n"
        "sys.exit = lambda *a: None\nsys.excepthook = print\nos._exit = lambda *a: None\n"
        "os.write = lambda *a: 1\n"
    ),
    "patch_unittest": (
        "import unittest, unittest.case\nunittest.TestCase.assertEqual = lambda *a: None\n"
        "unittest.TestCase.run = lambda s, r: r.addSuccess(s)\n"
        "unittest.TestResult.addFailure = unittest.TestResult.addError = lambda *a: None\n"
        "unittest.case.TestCase = object\n"
    ),
    "replace_modules": (
        "import sys\nclass M:\n  def __getattr__(s, n): return lambda *a, **k: None\n"
        "for name in list(sys.modules):\n  if name != __name__: sys.modules[name] = M()\n"
    ),
    "replace_own_modules": (
        "import sys\nfor name in ('records', 'asserts', 'cases', 'suites', 'steps', 'harness', 'equality'):\n"
        "  module = type(sys)(name)\n"
        "  module.Report = module.compare = module.convincing = lambda *a, **k: True\n"
        "  sys.modules[name] = module\n"
    ),
    "rewrite_the_scratch_folder": (
        "import os\nfor folder, _, files in os.walk('.'):\n"
        "  for name in files: open(os.path.join(folder, name), 'w').write('f = lambda x: x * x')\n"
    ),
    "trace": "import sys, threading\nsys.settrace(lambda *a: None)\nthreading.settrace(lambda *a: None)\n",
    "signal": "import signal\nsignal.alarm(1)\nsignal.signal(signal.SIGALRM, lambda *a: None)\n",
    "atexit": "import atexit, os\natexit.register(os._exit, 0)\n",
    "fork": "import os\nif os.fork(): os._exit(0)\n",
    "fork_and_answer": (
        "import os\ndef f(x):\n  child = os.fork()\n  if child == 0: return x * x\n"
        "  os.waitpid(child, 0)\n  os._exit(0)\n"
    ),
    "fork_and_guess": (
        "import os\ndef f(x):\n  for guess in range(20):\n    child = os.fork()\n"
        "    if child == 0: return guess\n"
        "    if os.waitpid(child, 0)[1] == 0: os._exit(0)\n  return -1\n"
    ),
    "replace_the_helpers": (
        "import sys\ndef f(x):\n  names = sys._getframe(1).f_globals\n  for name in list(names):\n"
        "    if name[:1] == '_' and callable(names[name]): names[name] = lambda *a: None\n  return 0\n"
    ),
    "skip": "import unittest\ndef f(x): raise unittest.SkipTest('no')\n",
    "equal_to_everything": (
        "class E:\n  def __eq__(s, o): return True\n  def __ne__(s, o): return False\n"
        "  __hash__ = object.__hash__\n"
        "def f(x): return E()\n"
    ),
    "int_equal_to_everything": "class E(int):\n  def __eq__(s, o): return True\ndef f(x): return E()\n",
}


@in_every_form(TRICKS, FORMS, daily=("exit_in_call", "patch_builtins_in_call", "skip", "equal_to_everything"))
async def test_no_trick_passes(verifier: Verifier, solution: Solution, trick: str, form: str) -> None:
    code = TRICKS[trick] if "def f" in TRICKS[trick] else WRONG + TRICKS[trick]
    evidence = await verifier.verify(solution(code), tests=FORMS[form])
    assert evidence.status == "failed", evidence


@pytest.mark.parametrize(
    "wanted", ["'a'", "b'a'", "None", "True", "[1]", "(1, 2)", "{'a': 1}", "{1}", "1.5", "[[1]]"]
)
async def test_an_object_equal_to_everything_equals_no_literal(
    verifier: Verifier, solution: Solution, wanted: str
) -> None:
    code = (
        "class E:\n  def __eq__(s, o): return True\n  __hash__ = object.__hash__\n"
        "def f(): return E()\ndef inner(v): return [E()] if isinstance(v, list) else E()\n"
    )
    for test in (f"assert f() == {wanted}", f"assert {wanted} == f()", f"x = {wanted}\nassert inner(x) == x"):
        assert (await verifier.verify(solution(code), tests=test)).status == "failed", test


EQUAL = (
    "class E:\n  def __eq__(s, o): return True\n  def __ne__(s, o): return False\n"
    "  __hash__ = object.__hash__\ndef f(x): return E()\ndef good(x): return x * x\n"
)


@pytest.mark.parametrize(
    "test",
    [
        "assert f(2) == 4 and f(3) == 9",
        "assert False or f(2) == 4",
        "assert True and (f(2) == 4 or False)",
        "assert not f(2) != 4",
        "assert not (f(2) != 4 or f(3) != 9)",
        "assert f(2) == f(2) == 4",
        "assert 4 == f(2) == 4",
        "assert f(2) in [4]",
        "assert f(2) in (4, 5)",
        "assert not f(2) not in [4]",
        "assert True and f(2) in [4]",
        "assert f(2) == 4, 'message'",
    ],
)
async def test_an_object_equal_to_everything_is_doubted_inside_expressions_too(
    verifier: Verifier, solution: Solution, test: str
) -> None:
    assert (await verifier.verify(solution(EQUAL), tests=test)).status == "failed"
    evidence = await verifier.verify(solution(EQUAL), tests=test.replace("f(", "good("))
    assert evidence.status == "verified", evidence


@pytest.mark.parametrize(
    "call",
    ["assertEqual(f(2), 4)", "assertAlmostEqual(f(2), 4)", "assertIn(f(2), [4])", "assertTrue(f(2) == 4)"],
)
async def test_the_methods_of_unittest_doubt_as_well(
    verifier: Verifier, solution: Solution, call: str
) -> None:
    tests = f"import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.{call}"
    assert (await verifier.verify(solution(EQUAL), tests=tests)).status == "failed"
    evidence = await verifier.verify(solution(EQUAL), tests=tests.replace("f(2", "good(2"))
    assert evidence.status == "verified", evidence


SHADOWS = (
    "def all(*a): return True\ndef len(*a): return 4\ndef isinstance(*a): return True\n"
    "def sum(values): return 'own'\ndef f(x): return [0]\n"
)


@pytest.mark.parametrize(
    "form",
    rarely(
        ["{}", "def test_a():\n    {}", "import pytest\ndef test_a():\n    {}"], lambda form: "pytest" in form
    ),
)
@pytest.mark.parametrize(
    "test",
    ["assert len(f(2)) == 4", "assert all(n > 0 for n in f(2))", "assert isinstance(f(2), str)"],
)
async def test_builtins_of_the_tests_stay_their_own(
    verifier: Verifier, solution: Solution, form: str, test: str
) -> None:
    tests = form.format(test)
    assert (await verifier.verify(solution(SHADOWS), tests=tests)).status == "failed"
    tests = f"from solution import f\n{tests}"
    assert (await verifier.verify(solution(SHADOWS), tests=tests)).status == "failed"


async def test_builtins_changed_in_a_call_do_not_reach_the_tests(
    verifier: Verifier, solution: Solution
) -> None:
    code = "import builtins\ndef f(x):\n  builtins.abs = lambda n: 0\n  return 9\n"
    for form in ("assert abs(f(2) - 4) < 1", "import pytest\ndef test_a(): assert abs(f(2) - 4) < 1"):
        assert (await verifier.verify(solution(code), tests=form)).status == "failed"


@pytest.mark.parametrize(
    "tests",
    [
        "assert sum([1]) == 'own'",
        "from solution import sum\nassert sum(f(2)) == 'own'",
        "import solution\nassert solution.sum(f(2)) == 'own'",
        "from math import inf\nassert sum([inf]) == 'own' and math.pi > 3",
    ],
)
async def test_a_solution_may_be_named_like_a_builtin(
    verifier: Verifier, solution: Solution, tests: str
) -> None:
    evidence = await verifier.verify(solution("import math\n" + SHADOWS), tests=tests)
    assert evidence.status == "verified", evidence


async def test_a_skip_raised_by_the_solution_does_not_hide_a_case(
    verifier: Verifier, solution: Solution
) -> None:
    code = "import unittest\ndef f(x):\n  if x == 2: raise unittest.SkipTest('no')\n  return x * x\n"
    tests = (
        "import unittest\nclass T(unittest.TestCase):\n"
        "    def test_a(self): self.assertEqual(f(3), 9)\n    def test_b(self): self.assertEqual(f(2), 4)\n"
    )
    assert (await verifier.verify(solution(code), tests=tests)).status == "failed"
    code = code.replace("import unittest", "import pytest").replace(
        "unittest.SkipTest('no')", "pytest.skip.Exception('no')"
    )
    tests = "import pytest\ndef test_a(): assert f(3) == 9\ndef test_b(): assert f(2) == 4\n"
    assert (await verifier.verify(solution(code), tests=tests)).status == "failed"


async def test_leaving_pytest_early_does_not_pass(verifier: Verifier, solution: Solution) -> None:
    tests = "import pytest\ndef test_a(): assert True\ndef test_b(): assert f(2) == 4\n"
    for leave in ("pytest.exit('done', 0)", "__import__('os')._exit(0)"):
        code = f"import pytest\ndef f(x): {leave}\n"
        assert (await verifier.verify(solution(code), tests=tests)).status == "failed"


async def test_the_token_never_reaches_the_solution(verifier: Verifier, solution: Solution) -> None:
    code = "import os, sys\nread = sys.stdin.read() if sys.stdin else ''\nraw = os.read(0, 100)\n"
    assert (
        await verifier.verify(solution(code), tests="assert read == ''\nassert raw == b''")
    ).status == "verified"
