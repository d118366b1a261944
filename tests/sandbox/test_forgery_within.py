"""A solution that goes for the process, descriptors or objects of those who judge it does not pass."""

from collections.abc import Callable

import pytest

from sandbox import Sandbox, SourceFile, Verifier
from tests.sandbox.backends import in_every_form, others_are_slow

Solution = Callable[[str], list[SourceFile]]

FORMS = {
    "plain": "assert f(2) == 4",
    "pytest": "import pytest\ndef test_f():\n    assert f(2) == 4",
    "unittest": "import unittest\nclass T(unittest.TestCase):\n  def test_f(self): self.assertEqual(f(2), 4)",
    "beside the solution": "import sys\ndef test_f():\n    assert sys and f(2) == 4",
}
# What a forger does with a frame or an object it found: every way to say "passed" that the judge has.
USE = """
def use(found):
    kind = type(found)
    if kind.__name__ in ("Judge", "_Cases", "_Plugin", "Report", "SharedReport", "Ladder"):
        for name in ("refuse", "failed", "broke", "_decide"):
            if hasattr(kind, name):
                setattr(kind, name, lambda self, name, *a, **k: self._report.case(name, passed=True))
    if kind.__name__ == "Tally":
        found.failure = ""
        kind.fail = lambda self, detail: StopIteration(detail)
    if kind.__name__ == "Checks":
        kind.compare = kind.truth = lambda self, *a: setattr(self._tally, "count", 1)
    if kind.__name__ in ("Report", "SharedReport"):
        try:
            found.case("f(2) == 4", passed=True)
            found.end()
        except BaseException:
            pass
def walk(frame):
    while frame is not None:
        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:
            use(value)
            for cell in getattr(value, "__closure__", None) or ():
                use(cell.cell_contents)
        frame = frame.f_back
"""
OWN = "import os\nown = int(os.readlink('/proc/self')) if os.path.islink('/proc/self') else 9\n"
TRICKS = {
    "frames of a generator": USE
    + "def f(x):\n  def g(): yield h.gi_frame.f_back\n  h = g()\n  for frame in h: walk(frame)\n  return 0\n",
    "frames of a traceback": USE + "def f(x):\n  try: 1 / 0\n"
    "  except Exception as error: walk(error.__traceback__.tb_frame)\n  return 0\n",
    "frames by name": USE + "import sys\ndef f(x):\n  walk(sys._getframe())\n  return 0\n",
    "frames of all threads": USE
    + "import sys\ndef f(x):\n  for frame in sys._current_frames().values(): walk(frame)\n  return 0\n",
    "frames by inspection": USE
    + "import inspect\ndef f(x):\n  for each in inspect.stack(): walk(each.frame)\n  return 0\n",
    "frames by an attribute getter": USE
    + "import operator\ndef f(x):\n  def g(): yield operator.attrgetter('gi_frame.f_back')(h)\n"
    "  h = g()\n  for frame in h: walk(frame)\n  return 0\n",
    "all objects": USE + "import gc\ndef f(x):\n  for found in gc.get_objects(): use(found)\n  return 0\n",
    "referrers": USE + "import gc\ndef f(x):\n  seen, waiting = set(), [f]\n"
    "  while waiting and len(seen) < 3000:\n    found = waiting.pop()\n    if id(found) in seen: continue\n"
    "    seen.add(id(found)); use(found); waiting += gc.get_referrers(found)\n  return 0\n",
    "all classes": USE
    + "def below(kind):\n  for each in type.__subclasses__(kind):\n    yield each; yield from below(each)\n"
    "def f(x):\n  for kind in list(below(object)):\n"
    "    if kind.__name__ == 'Judge': kind.refuse = lambda s, n, d: s._decide(n, passed=True, detail=d)\n"
    "    if kind.__name__ == 'Checks': kind.compare = lambda s, *a: setattr(s._tally, 'count', 1)\n"
    "  return 0\n",
    "memory": (
        "import ctypes\ndef f(x):\n"
        "  wanted = id(4) + object.__basicsize__ + 8\n"
        "  ctypes.memmove(id(0), id(4), 28)\n  return 0\n"
    ),
    "tracing": (
        "import sys\ndef spy(frame, event, argument):\n  frame.f_locals\n  return spy\n"
        "def f(x):\n  sys.settrace(spy)\n  frame = None\n  sys.setprofile(lambda *a: None)\n  return 0\n"
    ),
    "code under another name": USE
    + "import sys\ndef f(x):\n  exec(compile('walk(sys._getframe())', '<tests>', 'exec'), globals())\n"
    "  return 0\n",
    "all descriptors": (
        "import os\ndef f(x):\n  for n in range(3, 64):\n"
        "    for line in (b'0 end \\n', b'\\x00' * 8, b'\\x00' * 7 + b'\\x01r', b'\\xff' * 64, b'!'):\n"
        "      try: os.write(n, line)\n      except OSError: pass\n"
        "  return 0\n"
    ),
    "read all descriptors": (
        "import os\ndef f(x):\n  for n in range(3, 64):\n    try:\n      os.set_blocking(n, False)\n"
        "      os.read(n, 1 << 20)\n    except OSError: pass\n  return 0\n"
    ),
    "descriptors of other processes": (
        OWN + "def f(x):\n"
        "  for process in (*range(2, 12), *range(own - 9, own + 9)):\n    for number in range(12):\n"
        "      for mode in (os.O_WRONLY, os.O_RDONLY):\n        try:\n"
        "          n = os.open(f'/proc/{process}/fd/{number}', mode | os.O_NONBLOCK)\n"
        "          lines = os.read(n, 1 << 20) if mode == os.O_RDONLY else b''\n"
        "          for line in lines.split(b'\\n'): os.write(n, line.replace(b'false', b'true') + b'\\n')\n"
        '          os.write(n, b\'{"kind":"end","done":true}\\n\')\n'
        "        except (OSError, ValueError): pass\n  return 0\n"
    ),
    "memory of other processes": (
        OWN + "def f(x):\n"
        "  for process in (*range(2, 12), *range(own - 9, own + 9)):\n"
        "    for mode in ('r+b', 'rb'):\n      try: open(f'/proc/{process}/mem', mode).read(1)\n"
        "      except OSError: pass\n      else: return 4\n  return 0\n"
    ),
    "interrupts": (
        "import os, signal\ndef f(x):\n  for process in (os.getppid(), *range(2, 20)):\n"
        "    if process == os.getpid(): continue\n"
        "    for number in (signal.SIGINT, signal.SIGCONT, signal.SIGURG, signal.SIGCHLD):\n"
        "      try: os.kill(process, number)\n      except OSError: pass\n  return 0\n"
    ),
    "limits of other processes": (
        "import os, resource\ndef f(x):\n  for process in (os.getppid(), *range(2, 20)):\n"
        "    if process == os.getpid(): continue\n"
        "    for kind in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE):\n"
        "      try: resource.prlimit(process, kind, (0, 0))\n      except OSError: pass\n  return 0\n"
    ),
    "patched builtins": (
        "import builtins\ndef f(x):\n"
        "  for name in ('getattr', 'type', 'isinstance', 'str', 'repr', 'bool', 'len', 'dict', 'tuple'):\n"
        "    setattr(builtins, name, lambda *a, **k: 4)\n  return 0\n"
    ),
    "equal once": (
        "class E:\n  asked = 0\n  def __eq__(s, o):\n    E.asked += 1\n    return E.asked == 1\n"
        "  __hash__ = None\ndef f(x): return E()\n"
    ),
    "equal to what comes first": (
        "class E:\n  first = None\n  def __eq__(s, o):\n    E.first = E.first or repr(o)\n"
        "    return E.first == repr(o)\n  __hash__ = None\ndef f(x): return E()\n"
    ),
    "a list that equals everything": (
        "class E(list):\n  def __eq__(s, o): return True\ndef f(x): return E()\n"
    ),
    "a class that is the answer": (
        "class M(type):\n  def __eq__(s, o): return True\n  __hash__ = type.__hash__\n"
        "class E(metaclass=M): pass\ndef f(x): return E\n"
    ),
    "an answer that raises": (
        "def f(x):\n  raise type('E', (AssertionError,), {'__bool__': lambda s: True})\n"
    ),
    "a name that is another's": "from operator import add as f\n_ = f\nf = __import__('os')._exit\n",
}


@in_every_form(
    TRICKS,
    FORMS,
    daily=("frames of a traceback", "all objects", "descriptors of other processes", "equal once"),
)
async def test_no_trick_passes(verifier: Verifier, solution: Solution, trick: str, form: str) -> None:
    evidence = await verifier.verify(solution(TRICKS[trick]), tests=FORMS[form])
    assert evidence.status == "failed", evidence


@others_are_slow
@pytest.mark.parametrize(
    "trick", ["descriptors of other processes", "memory of other processes", "interrupts"]
)
async def test_no_backend_lets_processes_meddle(backend: Sandbox, solution: Solution, trick: str) -> None:
    for form in FORMS.values():
        evidence = await Verifier(backend).verify(solution(TRICKS[trick]), tests=form)
        assert evidence.status == "failed", evidence


async def test_a_swallowed_line_is_noticed(verifier: Verifier, solution: Solution) -> None:
    """Pipes of other processes can be opened by way of /proc, so lines may be lost; they are never forged."""
    code = (
        OWN + "import threading\n"
        "def read(n):\n  for _ in range(9): os.read(n, 1 << 16)\n"
        "def swallow():\n"
        "  for process in range(own - 9, own + 9):\n"
        "    try: n = os.open(f'/proc/{process}/fd/1', os.O_RDONLY)\n"
        "    except OSError: continue\n"
        "    threading.Thread(target=read, args=(n,), daemon=True).start()\n"
        "swallow()\ndef f(x): return 0\n"
    )
    assert (await verifier.verify(solution(code), tests="assert f(2) == 4")).status == "failed"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("import gc\ndef f(x):\n  return len(gc.get_objects()) and 4\n", "gc.get_objects"),
        ("import ctypes\ndef f(x):\n  return ctypes.string_at(id(x), 1) and 4\n", "ctypes.string_at"),
        ("import sys\ndef f(x):\n  return sys._getframe(1) and 4\n", "sys._getframe"),
        ("import inspect\ndef f(x):\n  return inspect.currentframe() and 4\n", "sys._getframe"),
        ("import sys\ndef f(x):\n  sys.settrace(None)\n  return 4\n", "sys.settrace"),
        ("import sys\ndef f(x):\n  sys.addaudithook(print)\n  return 4\n", "sys.addaudithook"),
        ("def f(x):\n  return (n for n in ()).gi_frame and 4\n", "gi_frame"),
        ("def f(x):\n  f.__code__ = (lambda x: 4).__code__\n  return 4\n", "__code__"),
    ],
)
async def test_reaching_for_the_process_is_named_beside_the_solution_and_nobodys_matter_outside(
    verifier: Verifier, solution: Solution, code: str, word: str
) -> None:
    evidence = await verifier.verify(solution(code), tests=FORMS["beside the solution"])
    assert evidence.status == "failed"
    assert word in evidence.checks[-1].detail
    evidence = await verifier.verify(solution(code), tests=FORMS["plain"])
    assert (evidence.status, evidence.checks[-1].isolated) == ("verified", 1), evidence
