"""A guard that something stops from outside ends its run none the less, and nothing is left of it."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import Execution, Limits, Sandbox, SandboxError
from tests.sandbox.backends import BACKENDS, EVERY_PAIR, make_backend
from tests.sandbox.templates import gone, templates

RunPython = Callable[..., Awaitable[Execution]]


@pytest.fixture(
    params=[
        pytest.param(each, marks=[pytest.mark.slow] * (each != BACKENDS[0]))
        for each in BACKENDS
        if EVERY_PAIR or each != "nono-without-namespace"
    ]
)
def backend(request: pytest.FixtureRequest) -> Sandbox:
    """One for each test: its guard is stopped."""
    return make_backend(request.param)


def _children(parent: int) -> list[int]:
    listing = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, check=True).stdout
    rows = [line.split() for line in listing.splitlines()]
    return [int(pid) for pid, owner in rows if int(owner) == parent]


def _descendants(parent: int) -> list[int]:
    return [each for child in _children(parent) for each in (child, *_descendants(child))]


@pytest.mark.parametrize(
    "again", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["once", "again and again"]
)
async def test_a_guard_that_is_stopped_from_outside_hangs_no_run(
    run_python: RunPython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, again: bool
) -> None:
    monkeypatch.setattr("sandbox.guarded._MARGIN_S", 0.5)
    monkeypatch.setattr("sandbox.guarded._GRACE_S", 1.0)
    before = templates(os.getpid())
    code = (
        "import os, time\nif os.fork() == 0: os.setsid()\nopen('born', 'w').close()\n"
        "while True:\n    print('more', flush=True)\n    time.sleep(0.01)"
    )
    task = asyncio.ensure_future(run_python(code, Limits(wall_s=1.5)))
    while not (tmp_path / "scratch/born").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.02)
    (template,) = templates(os.getpid()) - before
    guard = next(pid for pid in _children(template) if _children(pid))
    tree = _descendants(guard)
    os.kill(guard, signal.SIGSTOP)
    while again and not task.done():
        with contextlib.suppress(ProcessLookupError):
            os.kill(guard, signal.SIGSTOP)
        await asyncio.sleep(0)
    with pytest.raises(SandboxError, match=r"did not end the run at its limit of 1\.5 s"):
        await task
    assert len(tree) > 1
    for pid in (guard, *tree):
        await gone(pid)
    assert (await run_python("print('ran')")).stdout == b"ran\n"
