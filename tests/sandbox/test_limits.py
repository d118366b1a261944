"""Limits, and that nothing outlives a run."""

import asyncio
import contextlib
import subprocess
import sys
import threading
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import Execution, Limits, NonoSandbox, Sandbox
from sandbox.interpreter import interpreter_path
from tests.processes import PATIENCE_S
from tests.sandbox.backends import others_are_slow

RunPython = Callable[..., Awaitable[Execution]]

_SHORT = Limits(wall_s=3.0)  # within it a busy machine must have started three processes
_DETACH = """
import os, sys, time
for _ in range(2):
    if os.fork():
        {first}
    os.setsid()
open("born", "w").close()
os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)", {mark!r}])
"""


def _alive(mark: str) -> bool:
    if Path("/proc/self/cmdline").exists():
        lines = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                lines.append(entry.read_bytes())
        return any(mark.encode() in line for line in lines)
    listing = subprocess.run(["/bin/ps", "-axww", "-o", "args="], capture_output=True, check=True).stdout
    return mark.encode() in listing


async def _until(path: Path) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(path.exists):  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.02)


@others_are_slow
async def test_an_endless_loop_is_stopped(run_python: RunPython) -> None:
    done = await run_python("while True: pass", Limits(wall_s=0.5))
    assert done.timed_out
    assert done.exit_code == -9


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no address space limit")
async def test_memory_is_limited(run_python: RunPython) -> None:
    done = await run_python("bytearray(300 << 20)", Limits(memory_mb=200))
    assert b"MemoryError" in done.stderr


@others_are_slow
async def test_endless_output_is_kept_to_the_limit(run_python: RunPython) -> None:
    code = "print('first')\nwhile True: print('x' * 1000)"
    done = await run_python(code, Limits(wall_s=0.7, output_kb=16))
    assert done.timed_out
    assert done.stdout.startswith(b"first")
    assert len(done.stdout) < 17_000


async def test_a_file_cannot_grow_beyond_the_limit(run_python: RunPython, tmp_path: Path) -> None:
    code = "with open('big', 'wb') as f:\n  while True: f.write(b'x' * 65536)"
    done = await run_python(code, Limits(file_mb=1))
    assert done.exit_code != 0
    assert (tmp_path / "scratch/big").stat().st_size <= 1 << 20


async def test_open_files_are_limited(run_python: RunPython) -> None:
    done = await run_python("kept = [open('/dev/null') for _ in range(100)]", Limits(open_files=32))
    assert b"Too many open files" in done.stderr


@others_are_slow
async def test_processor_time_is_limited(run_python: RunPython) -> None:
    done = await run_python("while True: pass", Limits(cpu_s=1, wall_s=60))
    assert not done.timed_out
    assert done.exit_code < 0


async def test_a_fork_bomb_ends_with_nothing_left(run_python: RunPython) -> None:
    mark = uuid.uuid4().hex
    # Kept small: 64 sleepers, of which the limit allows 20.
    code = f"import os, time; m = {mark!r}\nfor _ in range(6): os.fork()\ntime.sleep(30)"
    done = await run_python(code, Limits(wall_s=5, processes=20))
    assert done.exit_code != 0
    assert done.timed_out or b"more than 20 processes" in done.stderr or b"BlockingIOError" in done.stderr
    assert not _alive(mark)


@others_are_slow
async def test_what_others_leave_is_no_room_for_more_processes(run_python: RunPython, tmp_path: Path) -> None:
    end = threading.Event()
    others = [threading.Thread(target=end.wait) for _ in range(150)]
    for each in others:
        each.start()
    code = (
        "import os, time\nopen('born', 'w').close()\n"
        "while not os.path.exists('go'): time.sleep(0.01)\n"
        "for _ in range(60):\n  if os.fork() == 0:\n    time.sleep(2)\n    os._exit(0)\ntime.sleep(1)"
    )
    run = asyncio.ensure_future(run_python(code, Limits(processes=30)))
    await _until(tmp_path / "scratch/born")
    end.set()
    for each in others:
        await asyncio.to_thread(each.join)
    await asyncio.to_thread((tmp_path / "scratch/go").touch)
    done = await run
    assert b"more than 30 processes" in done.stderr or b"BlockingIOError" in done.stderr, done


async def test_a_few_processes_are_fine(run_python: RunPython) -> None:
    code = (
        "import os\nfor _ in range(5):\n  pid = os.fork() or os._exit(0)\n  os.waitpid(pid, 0)\nprint('ok')"
    )
    done = await run_python(code)
    assert done.stdout == b"ok\n"


@pytest.mark.skipif(sys.platform != "linux", reason="see the README on macOS")
async def test_a_detached_grandchild_dies_when_the_command_exits(
    run_python: RunPython, tmp_path: Path
) -> None:
    mark = uuid.uuid4().hex
    wait = "while not os.path.exists('born'): time.sleep(0.01)"
    first = f"{wait}\n        time.sleep(0.05)\n        os._exit(0)"
    done = await run_python(_DETACH.format(first=first, mark=mark))
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "scratch/born").exists()
    assert not _alive(mark)


@others_are_slow
@pytest.mark.skipif(sys.platform != "linux", reason="see the README on macOS")
async def test_a_detached_grandchild_dies_on_timeout(run_python: RunPython, tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    done = await run_python(_DETACH.format(first="time.sleep(60)", mark=mark), _SHORT)
    assert done.timed_out
    assert (tmp_path / "scratch/born").exists()
    assert not _alive(mark)


async def test_cancelling_kills_the_whole_tree_before_it_goes_on(
    run_python: RunPython, tmp_path: Path
) -> None:
    mark = uuid.uuid4().hex
    task = asyncio.ensure_future(run_python(_DETACH.format(first="time.sleep(60)", mark=mark)))
    await _until(tmp_path / "scratch/born")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not _alive(mark)


async def test_cancelling_a_run_that_waits_its_turn_leaves_the_others_alone(tmp_path: Path) -> None:
    sandbox: Sandbox = NonoSandbox()
    command = [interpreter_path(), "-I", "-S", "-B", "-c", "import time; time.sleep(0.2)"]
    runs = [asyncio.create_task(sandbox.run(command, folder=tmp_path, limits=Limits())) for _ in range(40)]
    await asyncio.sleep(0.1)
    runs[-1].cancel()
    for run in runs[6:-1]:
        run.cancel()
    results = await asyncio.gather(*runs, return_exceptions=True)
    assert [getattr(result, "exit_code", None) for result in results[:6]] == [0] * 6
    assert all(isinstance(result, asyncio.CancelledError) for result in results[6:])


def test_the_tree_dies_with_the_program(tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    program = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from sandbox import Limits, NonoSandbox
from sandbox.interpreter import interpreter_path
code = {_DETACH.format(first="time.sleep(60)", mark=mark)!r}
command = [interpreter_path(), "-I", "-S", "-B", "-c", code]
asyncio.run(NonoSandbox().run(command, folder=Path({str(tmp_path)!r}), limits=Limits(wall_s=60)))
"""

    async def play() -> None:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
        await _until(tmp_path / "born")
        process.kill()
        await process.wait()
        async with asyncio.timeout(PATIENCE_S):
            while await asyncio.to_thread(_alive, mark):  # noqa: ASYNC110 - other processes end
                await asyncio.sleep(0.05)

    asyncio.run(play())
    assert not _alive(mark)
