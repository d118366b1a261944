"""The backends under test, each the real thing."""

import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import BubblewrapSandbox, Execution, Limits, NonoSandbox, Sandbox, SourceFile, Verifier
from sandbox.interpreter import interpreter_path

RunPython = Callable[..., Awaitable[Execution]]


@pytest.fixture(params=["nono", "nono-without-namespace", "bubblewrap"])
def backend(request: pytest.FixtureRequest) -> Sandbox:
    if request.param == "bubblewrap":
        if sys.platform != "linux" or shutil.which("bwrap") is None:
            pytest.skip("bwrap is not on PATH: apt-get install bubblewrap")
        return BubblewrapSandbox()
    return NonoSandbox(namespace=request.param == "nono")


@pytest.fixture
def run_python(backend: Sandbox, tmp_path: Path) -> RunPython:
    """Runs a script in `tmp_path/scratch`."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    async def run(code: str, limits: Limits = Limits(), **more: object) -> Execution:  # noqa: B008 - frozen
        command = [interpreter_path(), "-I", "-S", "-B", "-c", code]
        return await backend.run(command, folder=scratch, limits=limits, **more)  # type: ignore[arg-type]

    return run


@pytest.fixture
def verifier() -> Verifier:
    return Verifier(NonoSandbox(), limits=Limits(wall_s=10.0))


@pytest.fixture
def hurried() -> Verifier:
    """For solutions that never end."""
    return Verifier(NonoSandbox(), limits=Limits(wall_s=1.0))


@pytest.fixture
def solution() -> Callable[[str], list[SourceFile]]:
    return lambda text: [SourceFile(path="solution.py", content=text)]
