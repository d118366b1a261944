"""Runs are forked from one warm interpreter: nothing passes from one to the next, none runs without it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import Execution, NonoSandbox, Sandbox, SandboxError, SourceFile, Verifier
from sandbox.template import Template
from tests.processes import PATIENCE_S
from tests.sandbox.backends import BACKENDS, make_backend, others_are_slow

RunPython = Callable[..., Awaitable[Execution]]
Solution = Callable[[str], list[SourceFile]]

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every script is executed")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Sandbox:
    """One for each test: its template is killed, stopped and counted."""
    return make_backend(request.param)


def _templates(parent: int) -> list[int]:
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,ppid=,args="], capture_output=True, check=True)
    rows = [line.split(maxsplit=2) for line in listing.stdout.decode().splitlines()]
    return [int(pid) for pid, owner, args in rows if int(owner) == parent and "import template" in args]


async def _gone(pid: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            await asyncio.sleep(0.02)


async def test_a_template_that_died_is_replaced_and_the_next_run_is_confined(
    run_python: RunPython, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    before = set(_templates(os.getpid()))
    await run_python("pass")
    (first,) = set(_templates(os.getpid())) - before
    os.kill(first, signal.SIGKILL)
    # Its last fork may wait for one more run.
    await run_python("pass")
    await run_python("pass")
    done = await run_python(
        f"import socket\nfor attempt in (lambda: open({str(tmp_path / 'secret')!r}), socket.socket):\n"
        "  try: attempt()\n  except OSError as error: print(type(error).__name__)"
    )
    assert done.stdout.split()[0] in (b"PermissionError", b"FileNotFoundError")
    assert done.stdout.split()[1] == b"PermissionError"
    (second,) = set(_templates(os.getpid())) - before
    assert second != first


async def test_a_run_goes_on_to_its_end_when_the_template_dies(run_python: RunPython, tmp_path: Path) -> None:
    before = set(_templates(os.getpid()))
    code = "import os, time\nopen('born', 'w').close()\nwhile not os.path.exists('go'): time.sleep(0.01)"
    task = asyncio.ensure_future(run_python(f"{code}\nprint('end')"))
    while not (tmp_path / "scratch/born").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.02)
    (template,) = set(_templates(os.getpid())) - before
    os.kill(template, signal.SIGKILL)
    (tmp_path / "scratch/go").touch()
    assert (await task).stdout == b"end\n"


async def test_the_template_cannot_be_signalled(run_python: RunPython) -> None:
    before = set(_templates(os.getpid()))
    await run_python("pass")
    (template,) = set(_templates(os.getpid())) - before
    code = f"import os\ntry: os.kill({template}, 9)\nexcept OSError as error: print(type(error).__name__)"
    assert (await run_python(code)).stdout in (b"PermissionError\n", b"ProcessLookupError\n")


def test_nothing_runs_when_no_guard_can_be_had() -> None:
    with pytest.raises(SandboxError, match="could not be started"):
        Template().ask([-1] * 5, "")


def test_a_request_without_all_descriptors_starts_nothing() -> None:
    template = Template()
    read, write = os.pipe()
    template.ask([read, write], "")
    os.close(write)
    assert os.read(read, 1) == b""
    os.close(read)


@others_are_slow
async def test_a_template_that_hangs_is_given_up_and_replaced(
    run_python: RunPython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.guarded._ANSWER_S", 2.0)
    before = set(_templates(os.getpid()))
    await run_python("pass")
    (template,) = set(_templates(os.getpid())) - before
    os.killpg(template, signal.SIGSTOP)
    with pytest.raises(SandboxError, match="no guard process was started"):
        await run_python("open('ran', 'w')")
    assert (await run_python("print('ran')")).stdout == b"ran\n"
    assert not (tmp_path / "scratch/ran").exists()
    await _gone(template)


@pytest.mark.parametrize("number", [0, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)])
def test_the_template_ends_with_its_program(tmp_path: Path, number: int) -> None:
    program = f"""
import asyncio, sys, time
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from sandbox import Limits, NonoSandbox
from sandbox.interpreter import interpreter_path
command = [interpreter_path(), "-I", "-S", "-B", "-c", "pass"]
sandbox = NonoSandbox()
asyncio.run(sandbox.run(command, folder=Path({str(tmp_path)!r}), limits=Limits()))
print("ran", flush=True)
sys.stdin.read()
"""

    async def play() -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout
        assert process.stdin
        assert await process.stdout.readline() == b"ran\n"
        (template,) = await asyncio.to_thread(_templates, process.pid)
        process.send_signal(number) if number else process.stdin.close()
        await process.wait()
        await _gone(template)

    asyncio.run(play())


def test_a_program_that_forked_itself_gets_a_template_of_its_own() -> None:
    program = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from sandbox.template import Template
template = Template()
def ask():
    control = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    found = template.ask([null, null, null, control[0], null], "")
    os.close(control[1])
    return found
first = ask()
if os.fork():
    assert os.wait()[1] == 0
    assert ask() == first
else:
    os._exit(ask() == first)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=60)


def _descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


async def test_many_runs_at_once_do_not_mix_their_streams(run_python: RunPython) -> None:
    opened = _descriptors()

    async def one(number: int) -> bool:
        code = "import sys\nt = sys.stdin.read(); print(t); print(t, file=sys.stderr); sys.exit(len(t))"
        done = await run_python(code, stdin=b"x" * number)
        return (done.exit_code, done.stdout, done.stderr) == (number, *[b"x" * number + b"\n"] * 2)

    assert all(await asyncio.gather(*(one(number) for number in range(20))))
    # One socket and three pipes of the template, where there was none before.
    assert _descriptors() <= opened + 4


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


@linux
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


@linux
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


@linux
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


@linux
@pytest.mark.parametrize("what", AS_EVER)
async def test_a_forked_run_is_as_one_of_its_own_interpreter(
    verifier: Verifier, solution: Solution, what: str
) -> None:
    code = f"import gc, os, resource, signal, subprocess, sys\ndef f(): return {AS_EVER[what]}\n"
    evidence = await verifier.verify(solution(code), tests=f"assert f() == {WANTED[what]!r}")
    assert evidence.status == "verified", evidence


@linux
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
