"""Runs are forked from one warm interpreter: it is replaced when it dies, none runs without it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import Execution, Sandbox, SandboxError
from sandbox.template import Template
from tests.sandbox.backends import BACKENDS, make_backend, others_are_slow
from tests.sandbox.templates import gone, templates

RunPython = Callable[..., Awaitable[Execution]]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Sandbox:
    """One for each test: its template is killed, stopped and counted."""
    return make_backend(request.param)


async def test_a_template_that_died_is_replaced_and_the_next_run_is_confined(
    run_python: RunPython, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    before = templates(os.getpid())
    await run_python("pass")
    (first,) = templates(os.getpid()) - before
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
    (second,) = templates(os.getpid()) - before
    assert second != first


async def test_a_run_goes_on_to_its_end_when_the_template_dies(run_python: RunPython, tmp_path: Path) -> None:
    before = templates(os.getpid())
    code = "import os, time\nopen('born', 'w').close()\nwhile not os.path.exists('go'): time.sleep(0.01)"
    task = asyncio.ensure_future(run_python(f"{code}\nprint('end')"))
    while not (tmp_path / "scratch/born").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.02)
    (template,) = templates(os.getpid()) - before
    os.kill(template, signal.SIGKILL)
    (tmp_path / "scratch/go").touch()
    assert (await task).stdout == b"end\n"


async def test_the_template_cannot_be_signalled(run_python: RunPython) -> None:
    before = templates(os.getpid())
    await run_python("pass")
    (template,) = templates(os.getpid()) - before
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
    before = templates(os.getpid())
    await run_python("pass")
    (template,) = templates(os.getpid()) - before
    os.killpg(template, signal.SIGSTOP)
    with pytest.raises(SandboxError, match="no guard process was started"):
        await run_python("open('ran', 'w')")
    assert (await run_python("print('ran')")).stdout == b"ran\n"
    assert not (tmp_path / "scratch/ran").exists()
    await gone(template)


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
        (template,) = await asyncio.to_thread(templates, process.pid)
        process.send_signal(number) if number else process.stdin.close()
        await process.wait()
        await gone(template)

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
