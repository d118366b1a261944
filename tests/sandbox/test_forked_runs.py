"""A run that was forked is as one of its own interpreter: it finds and leaves nothing, and is as confined."""

import sys
from collections.abc import Callable

import pytest

from sandbox import NonoSandbox, SourceFile, Verifier

Solution = Callable[[str], list[SourceFile]]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every script is executed")


POISON = (
    "import ast, builtins, gc, operator, os, random, sys, time\n"
    "def f(x): return x * x\n"
    "random.seed(1); random.SystemRandom.randint = lambda *a: 4\n"
    "ast.parse = operator.eq = time.monotonic = os.fork = os._exit = lambda *a, **k: None\n"
    "builtins.isinstance = lambda *a: True\n"
    "sys.path[:] = []; sys.poisoned = os.environ['POISONED'] = 'yes'\n"
    "for made in gc.get_objects():\n"
    "  if type(made) is dict and '__builtins__' in made: made['poisoned'] = 'yes'\n"
    "try: os.chdir('/'); open('poisoned', 'w')\n"
    "except OSError: pass\n"
)


async def test_a_run_leaves_nothing_behind_for_the_next(verifier: Verifier, solution: Solution) -> None:
    await verifier.verify(solution(POISON), tests="assert f(2) == 4")
    clean = (
        "import ast, builtins, gc, operator, os, random, sys, time\n"
        "def f():\n"
        "  found = [m for m in gc.get_objects() if type(m) is dict and m.get('poisoned') == 'yes']\n"
        "  return [ast.parse('1') is None, operator.eq(1, 2), time.monotonic() is None, isinstance(1, str),\n"
        "    hasattr(sys, 'poisoned'), 'POISONED' in os.environ, bool(found), os.path.exists('poisoned')]\n"
    )
    evidence = await verifier.verify(solution(clean), tests="assert f() == [False] * 8")
    assert evidence.status == "verified", evidence


async def test_runs_do_not_share_their_random_numbers(verifier: Verifier, solution: Solution) -> None:
    code = "import random, tempfile, uuid\ndef f(): return random.random(), tempfile.mktemp(), uuid.uuid4()\n"
    said = [await verifier.verify(solution(code), tests="assert f() is None") for _ in range(4)]
    details = [evidence.failure.detail for evidence in said if evidence.failure]
    assert len(set(details)) == 4, details


FRESH = {
    "descriptors": "[n for n in range(3, 2000) if _open(n)]",
    "modules": "sorted({'ctypes', '_ctypes', 'guard', 'confine', 'kernel', 'tree', 'template', 'harness',"
    " 'nono_py'} & set(sys.modules))",
    "main": "[name for name in vars(sys.modules['__main__']) if not name.startswith('__')]",
}


@pytest.mark.parametrize("what", FRESH)
async def test_the_solution_finds_nothing_of_ours(verifier: Verifier, solution: Solution, what: str) -> None:
    code = (
        "import os, sys\ndef _open(n):\n  try: os.fstat(n)\n  except OSError: return False\n  return True\n"
        f"def f(): return {FRESH[what]}\n"
    )
    # The two pipes to the judge are what is left.
    test = "assert len(f()) == 2" if what == "descriptors" else "assert f() == []"
    evidence = await verifier.verify(solution(code), tests=test)
    assert evidence.status == "verified", evidence


AS_EVER = {
    "signals": "[signal.getsignal(n).name for n in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM)]",
    "umask": "os.umask(0o77)",
    "environment": "sorted(set(os.environ) - {'HOME', 'TMPDIR'})",
    "home": "os.environ['HOME'] == os.environ['TMPDIR'] == os.getcwd()",
    "child": "subprocess.run([sys.executable, '-c', 'pass']).returncode",
    "limits": "[resource.getrlimit(getattr(resource, f'RLIMIT_{n}'))[1] for n in ('AS', 'NOFILE', 'CORE')]",
    "streams": "[sys.stdin.read(), sys.stdout.isatty(), sys.stdout.seekable(), sys.stdout.encoding]",
    "flags": "[sys.flags.isolated, sys.flags.no_site, sys.flags.dont_write_bytecode]",
    "ctypes": "__import__('ctypes').sizeof(__import__('ctypes').c_int)",
    "collector": "[gc.isenabled(), gc.collect() >= 0]",
}


WANTED = {
    "signals": ["SIG_IGN", "SIG_DFL", "SIG_DFL"],
    "umask": 0o77,
    "environment": ["LANG", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED"],
    "home": True,
    "child": 0,
    "limits": [1 << 30, 256, 0],
    "streams": ["", False, False, "utf-8"],
    "flags": [1, 1, 1],
    "ctypes": 4,
    "collector": [True, True],
}


@pytest.mark.parametrize("what", AS_EVER)
async def test_a_forked_run_is_as_one_of_its_own_interpreter(
    verifier: Verifier, solution: Solution, what: str
) -> None:
    code = f"import gc, os, resource, signal, subprocess, sys\ndef f(): return {AS_EVER[what]}\n"
    evidence = await verifier.verify(solution(code), tests=f"assert f() == {WANTED[what]!r}")
    assert evidence.status == "verified", evidence


@pytest.mark.parametrize("namespace", [True, False])
@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/passwd')",
        "open('/proc/self/environ')",
        "__import__('socket').socket()",
        "__import__('socket').socket(__import__('socket').AF_UNIX)",
        "open('/tmp/outside', 'w')",
        "open(os.__file__, 'a')",
        "[open('f', 'w'), os.chown('f', 12345, 12345)]",
        "os.kill(-1, 0)",
        "__import__('resource').setrlimit(7, (5000, 5000))",
    ],
)
async def test_a_forked_run_is_confined(solution: Solution, attempt: str, *, namespace: bool) -> None:
    code = (
        f"import os\ndef f():\n  try: {attempt}\n  except (OSError, ValueError): return 'denied'\n"
        "  return 'allowed'\n"
    )
    evidence = await Verifier(NonoSandbox(namespace=namespace)).verify(
        solution(code), tests="assert f() == 'denied'"
    )
    assert evidence.status == "verified", evidence
