"""The backends under test, each the real thing."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import Execution, Limits, NonoSandbox, Sandbox, SourceFile, Verifier
from sandbox.interpreter import interpreter_path
from tests.sandbox.backends import BACKENDS, make_backend

RunPython = Callable[..., Awaitable[Execution]]


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Sandbox:
    """One for all tests, as a program has one for all runs."""
    return make_backend(request.param)


@pytest.fixture(scope="session")
def nono() -> Sandbox:
    return NonoSandbox()


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
def verifier(nono: Sandbox) -> Verifier:
    """Has time enough on a busy machine: what is to be stopped asks for `hurried` or fewer seconds."""
    return Verifier(nono, limits=Limits(wall_s=60.0))


@pytest.fixture
def hurried(nono: Sandbox) -> Verifier:
    """For solutions that never end."""
    return Verifier(nono, limits=Limits(wall_s=1.0))


@pytest.fixture
def solution() -> Callable[[str], list[SourceFile]]:
    return lambda text: [SourceFile(path="solution.py", content=text)]
