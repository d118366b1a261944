"""The arena: a program meets a backend, and one helper says what must hold afterwards."""

import asyncio
import shutil
import sys
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox import BubblewrapSandbox, Evidence, Limits, NonoSandbox, Sandbox, SourceFile, Verifier
from sandbox.interpreter import interpreter_path
from tests.sandbox.hostile.machine import Machine
from tests.sandbox.hostile.program import Program

Survive = Callable[[Program, str], Awaitable[Evidence]]

_FEW = 100
_MOST_EVIDENCE = 1 << 19
_MOST_SECONDS = 40.0
"""Only a verifier that hangs takes this long; the limits of the programs are a fraction of it."""


@pytest.fixture(scope="session")
def backends() -> dict[str, Sandbox]:
    """The real things, kept so that their threads are started once."""
    return {
        "nono": NonoSandbox(),
        "nono-without-namespace": NonoSandbox(namespace=False),
        "bubblewrap": BubblewrapSandbox(),
    }


@pytest.fixture(scope="session")
def has_namespaces(backends: dict[str, Sandbox], tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether nono gets a PID namespace here, in which process numbers start anew."""
    command = [interpreter_path(), "-I", "-S", "-B", "-c", "import os; print(os.getpid())"]
    folder = tmp_path_factory.mktemp("namespace")
    done = asyncio.run(backends["nono"].run(command, folder=folder, limits=Limits()))
    return int(done.stdout) < _FEW


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    if sys.platform != "linux":
        pytest.skip("the programs speak to Linux")
    with ExitStack() as stack:
        mark, secret = uuid.uuid4().hex, f"secret-{uuid.uuid4().hex}"
        made = Machine(tmp_path, mark, secret, stack)
        monkeypatch.setattr(tempfile, "tempdir", str(made.temporary))
        monkeypatch.setenv("OPENAI_API_KEY", secret)
        yield made


@pytest.fixture
def survive(machine: Machine, backends: dict[str, Sandbox], has_namespaces: bool) -> Survive:  # noqa: FBT001 - a fixture
    """Let a program loose on a backend and see that all of this holds afterwards.

    The verifier answers, and in time; the program is counted as what it is; no secret shows; the evidence
    stays small; and the machine is as it was: no process, scratch folder, file, IPC object or lock is left,
    nobody was called, our own descriptors and limits are unchanged.
    """

    async def run(program: Program, backend_name: str) -> Evidence:
        if backend_name == "bubblewrap" and shutil.which("bwrap") is None:
            pytest.skip("bwrap is not on PATH: apt-get install bubblewrap")
        if backend_name == "nono" and not has_namespaces:
            pytest.skip(
                "no PID namespace is to be had: the slow tests without one are what this machine gets"
            )
        sandbox = backends[backend_name]
        verifier = Verifier(sandbox, limits=program.made_limits())
        sources = {"solution.py": program.solution(), **program.files}
        files = [SourceFile(path=path, content=machine.fill(text)) for path, text in sources.items()]
        # The template that forks the runs stays from one to the next: it is there before, and the same after.
        command = [interpreter_path(), "-I", "-S", "-B", "-c", ""]
        await sandbox.run(command, folder=machine.temporary, limits=Limits())
        with machine.watched():
            async with asyncio.timeout(_MOST_SECONDS):
                evidence = await verifier.verify(files, tests=machine.fill(program.test_source()))
        assert evidence.sandbox == sandbox.name, evidence
        assert evidence.status == program.expected, evidence
        said = evidence.model_dump_json()
        assert machine.secret not in said
        assert len(said) < _MOST_EVIDENCE
        if program.expected == "failed":
            assert evidence.failure is not None
            reason = "\n".join([evidence.failure.detail, *(case.detail for case in evidence.failure.cases)])
            assert any(words in reason for words in program.says), reason
        return evidence

    return run
