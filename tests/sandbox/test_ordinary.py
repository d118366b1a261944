"""What ordinary programs use works inside: processes, threads, event loops, databases, temporary files."""

import asyncio
import os
import sys
from collections.abc import Callable

import pytest

from sandbox import Sandbox, SourceFile, Verifier

Solution = Callable[[str], list[SourceFile]]

PROGRAMS = {
    "multiprocessing pool": (
        """\
import multiprocessing
def square(x): return x * x
def f(xs):
    with multiprocessing.get_context('fork').Pool(2) as pool:
        return pool.map(square, xs)
""",
        """\
assert f([1, 2, 3]) == [1, 4, 9]
""",
    ),
    "multiprocessing queue and lock": (
        """\
import multiprocessing
def work(queue, lock):
    with lock:
        queue.put(4)
def f():
    made = multiprocessing.get_context('fork')
    queue, lock = made.Queue(), made.Lock()
    process = made.Process(target=work, args=(queue, lock))
    process.start()
    value = queue.get()
    process.join()
    return value
""",
        """\
assert f() == 4
""",
    ),
    "process pool": (
        """\
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
def f(xs):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context('fork')) as pool:
        return list(pool.map(abs, xs))
""",
        """\
assert f([-1, 2]) == [1, 2]
""",
    ),
    "threads": (
        """\
from concurrent.futures import ThreadPoolExecutor
import threading
def f(xs):
    lock, found = threading.Lock(), []
    def work(x):
        with lock:
            found.append(x * x)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, xs))
    return sorted(found)
""",
        """\
assert f([1, 2, 3]) == [1, 4, 9]
""",
    ),
    "asyncio": (
        """\
import asyncio, sys
async def double(x):
    await asyncio.sleep(0)
    return 2 * x
async def both():
    command = [sys.executable, '-I', '-S', '-c', 'print(6)']
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return [*await asyncio.gather(double(1), asyncio.to_thread(abs, -4)), int(out)]
""",
        """\
import asyncio
assert asyncio.run(both()) == [2, 4, 6]
async def test_double():
    assert await double(2) == 4
""",
    ),
    "sqlite3": (
        """\
import sqlite3
def f(path):
    with sqlite3.connect(path) as base:
        base.execute('pragma journal_mode = wal')
        base.execute('create table t (x)')
        base.executemany('insert into t values (?)', [(1,), (2,)])
    found = base.execute('select sum(x) from t').fetchone()[0]
    base.close()
    return found
""",
        """\
assert f('data.sqlite') == 3
assert f(':memory:') == 3
""",
    ),
    "tempfile": (
        """\
import tempfile
from pathlib import Path
def f(text):
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile('w+') as file:
        (Path(folder) / 'a').write_text(text)
        file.write(text)
        file.seek(0)
        return file.read() + (Path(folder) / 'a').read_text()
""",
        """\
assert f('x') == 'xx'
""",
    ),
    "subprocess": (
        """\
import subprocess, sys
def f():
    command = [sys.executable, '-I', '-S', '-c', 'print(input()[::-1])']
    return subprocess.run(command, input='abc', capture_output=True, text=True, check=True).stdout
""",
        """\
assert f().strip() == 'cba'
""",
    ),
    "installed packages": (
        """\
import pydantic
class Point(pydantic.BaseModel):
    x: int
""",
        """\
assert Point(x='3').x == 3
""",
    ),
}
LOCKS = {"multiprocessing pool", "multiprocessing queue and lock", "process pool"}
"""They need /dev/shm, which is there only where it can be a private one."""


@pytest.mark.parametrize("name", PROGRAMS)
async def test_it_works_inside(
    request: pytest.FixtureRequest, backend: Sandbox, solution: Solution, name: str
) -> None:
    if name in LOCKS and (sys.platform != "linux" or request.node.callspec.params["backend"] != "nono"):
        pytest.skip("a private /dev/shm needs Linux, nono and namespaces")
    code, tests = PROGRAMS[name]
    evidence = await Verifier(backend).verify(solution(code), tests=tests)
    assert evidence.status == "verified", evidence.failure


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no /dev/shm")
async def test_shared_memory_is_private_small_and_gone_afterwards(
    backend: Sandbox, solution: Solution
) -> None:
    before = sorted(await asyncio.to_thread(os.listdir, "/dev/shm"))  # noqa: S108 - the machine's own
    code = """\
import os
def f():
    try:
        seen = os.listdir("/dev/shm")
        with open("/dev/shm/left", "wb") as file:
            file.write(b"x" * (20 << 20))
    except OSError as error:
        return getattr(error, "errno", None)
    return seen
"""
    evidence = await Verifier(backend).verify(solution(code), tests="assert f() in (2, 13, 28)")
    assert evidence.status == "verified", evidence.failure
    assert sorted(await asyncio.to_thread(os.listdir, "/dev/shm")) == before  # noqa: S108 - the same
