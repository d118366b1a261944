"""Choosing a sandbox by trying it."""

import logging
import sys
from pathlib import Path

import pytest

from sandbox import (
    BareRun,
    BubblewrapSandbox,
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


async def test_a_sandbox_is_found_here() -> None:
    sandbox = await open_sandbox()
    assert isinstance(sandbox, NonoSandbox)


async def test_each_backend_holds(backend: Sandbox) -> None:
    assert await find_weakness(backend) == ""


async def test_a_backend_that_confines_nothing_is_found_out() -> None:
    weakness = await find_weakness(BareRun())
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
    for choice in ("docker", "none"):
        assert isinstance(await open_sandbox(choice), Unavailable)


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


async def test_no_sandbox_is_used_only_when_asked_for_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        found = await open_sandbox("none")
    assert isinstance(found, BareRun)
    assert [record.message.startswith("duograph: the sandbox is off") for record in caplog.records] == [True]
    evidence = await Verifier(found).verify(
        [SourceFile(path="solution.py", content="import os\nhome = os.listdir('/etc')\n")],
        tests="assert home",
    )
    assert (evidence.status, evidence.sandbox) == ("verified", "none")
    hurried = Verifier(found, limits=Limits(wall_s=0.7))
    evidence = await hurried.verify([SourceFile(path="solution.py", content="while True: pass")])
    assert evidence.failure is not None
    assert evidence.failure.detail.startswith("stopped after 0.7 s")


async def test_packages_that_are_allowed_can_be_imported_and_nothing_beside_them(tmp_path: Path) -> None:
    packages = tmp_path / "site"
    (packages / "shapes").mkdir(parents=True)
    (packages / "shapes/__init__.py").write_text("sides = 4\n")
    (tmp_path / "secret.py").write_text("word = 'x'\n")
    code = f"import shapes\nsecret = {str(tmp_path / 'secret.py')!r}\n"
    files = [SourceFile(path="solution.py", content=code)]
    tests = (
        "assert shapes.sides == 4\n"
        "try:\n    open(secret)\n    assert False\nexcept OSError:\n    pass\n"
        "try:\n    open(shapes.__file__, 'a')\n    assert False\nexcept OSError:\n    pass\n"
    )
    allowed = [str(packages)]
    sandbox = await open_sandbox(packages=allowed)
    assert (await Verifier(sandbox, packages=allowed).verify(files, tests=tests)).status == "verified"
    evidence = await Verifier(await open_sandbox()).verify(files, tests=tests)
    assert evidence.failure is not None
    assert "No module named 'shapes'" in evidence.failure.detail
