"""Choosing a sandbox by trying it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from sandbox import (
    BubblewrapSandbox,
    Execution,
    Limits,
    NonoSandbox,
    Sandbox,
    SandboxError,
    Unavailable,
    Verifier,
    open_sandbox,
)
from sandbox.choose import find_weakness
from sandbox.evidence import SourceFile
from sandbox.guarded import Guards, Task
from sandbox.nono import environment


class Unconfined:
    """The guard without any walls: what a broken backend would be."""

    name = "none"

    def __init__(self) -> None:
        self._guards = Guards()

    async def run(  # noqa: PLR0913 - the protocol
        self,
        command: Sequence[str],
        *,
        folder: Path,
        limits: Limits,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        on_stdout: Callable[[bytes], None] | None = None,
    ) -> Execution:
        return await self._guards.run(
            lambda: Task(
                command=command,
                folder=folder,
                limits=limits,
                env=environment(folder, env),
                stdin=stdin,
                on_stdout=on_stdout,
                namespace=False,
                rules=None,
                filters=lambda _: (b"", b""),
            )
        )


async def test_a_sandbox_is_found_here() -> None:
    sandbox = await open_sandbox()
    assert isinstance(sandbox, NonoSandbox)


async def test_each_backend_holds(backend: Sandbox) -> None:
    assert await find_weakness(backend) == ""


async def test_a_backend_that_confines_nothing_is_found_out() -> None:
    weakness = await find_weakness(Unconfined())
    for name in ("read", "write", "signal", "tcp", "udp", "unix"):
        assert f"{name} was" in weakness


async def test_a_backend_that_is_not_installed_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    found = await open_sandbox("bubblewrap")
    assert isinstance(found, Unavailable)
    assert "apt-get install bubblewrap" in found.reason
    assert list(found.tried) == ["bubblewrap"]


async def test_windows_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    found = await open_sandbox()
    assert isinstance(found, Unavailable)
    assert "WSL" in found.reason


async def test_a_backend_that_cannot_be_set_up_raises_and_runs_nothing(tmp_path: Path) -> None:
    for sandbox in (BubblewrapSandbox("/bin/false"), NonoSandbox()):
        folder = tmp_path if isinstance(sandbox, BubblewrapSandbox) else tmp_path / "missing"
        with pytest.raises(SandboxError):
            await sandbox.run(["/bin/true"], folder=folder, limits=Limits())


async def test_nothing_is_executed_without_a_sandbox() -> None:
    evidence = await Verifier(Unavailable("none here")).verify([SourceFile(path="solution.py", content="")])
    assert (evidence.status, evidence.reason, evidence.checks) == ("not_executed", "none here", [])


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is for Linux only")
async def test_nothing_is_executed_when_set_up_fails() -> None:
    files = [SourceFile(path="solution.py", content="x = 1")]
    evidence = await Verifier(BubblewrapSandbox("/bin/false")).verify(files)
    assert evidence.status == "not_executed"
    assert evidence.sandbox is None
    assert "could not be set up" in evidence.reason
