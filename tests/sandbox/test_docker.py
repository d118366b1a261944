"""The docker backend against a stand-in for its command line: what is asked of it, and every way to fail.

No daemon is needed and none is used. Where the real command line is installed, it is asked whether it knows
every option that we give it.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import DockerSandbox, Limits, SandboxError, SourceFile, Unavailable, Verifier, open_sandbox
from sandbox.docker import default_image
from sandbox.interpreter import INSIDE, interpreter_path, ruff_path, site_folders
from tests.processes import PATIENCE_S
from tests.sandbox import fake_docker

Solution = Callable[[str], list[SourceFile]]


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    """The stand-in, as an executable."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "docker"
    program.write_text(f"#!{sys.executable} -I\n{Path(fake_docker.__file__).read_text()}")
    program.chmod(0o755)
    return program


def calls(docker: Path) -> list[list[str]]:
    return [json.loads(line) for line in (docker.parent / "calls.jsonl").read_text().splitlines()]


def fail(docker: Path, mode: str) -> None:
    (docker.parent / "mode").write_text(mode)


def test_the_command_line_is_exactly_this(docker: Path, tmp_path: Path) -> None:
    packages = tmp_path / "pack,ages"
    packages.mkdir()
    sandbox = DockerSandbox("img:1", program=str(docker), packages=[str(packages)])
    limits = Limits(memory_mb=300, processes=20, cpu_s=7, file_mb=2, open_files=99)
    scratch = tmp_path / "scratch"
    words = sandbox.arguments(
        [interpreter_path(), "-I", "-c", "x"], "box-1", folder=scratch, limits=limits, env={"A": "b c"}
    )
    readable = sorted({str(INSIDE), *site_folders(), str(packages), ruff_path() or ""} - {""})
    mounts = [f"type=bind,source={path},target={path},readonly" for path in readable if "," not in path]
    mounts.insert(
        readable.index(str(packages)), f'type=bind,"source={packages}","target={packages}",readonly'
    )
    environment = {
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "A": "b c",
    }
    assert words == [
        *(str(docker), "run", "--rm", "--interactive", "--init", "--name", "box-1"),
        *("--pull", "never", "--network", "none", "--read-only", "--cap-drop", "ALL"),
        *("--security-opt", "no-new-privileges", "--ipc", "private", "--shm-size", "64m"),
        *("--log-driver", "none", "--pids-limit", "20", "--memory", "300m", "--memory-swap", "300m"),
        *("--cpus", "2", "--user", f"{os.getuid()}:{os.getgid()}"),
        *("--ulimit", "core=0:0", "--ulimit", "cpu=7:7", "--ulimit", "fsize=2097152:2097152"),
        *("--ulimit", "nofile=99:99", "--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=64m"),  # noqa: S108
        *("--mount", f"type=bind,source={scratch},target={scratch}", "--workdir", str(scratch)),
        *(word for mount in mounts for word in ("--mount", mount)),
        *(word for name, value in environment.items() for word in ("--env", f"{name}={value}")),
        *("--entrypoint", "python3", "img:1", "-I", "-c", "x"),
    ]
    assert sum("readonly" not in mount for mount in words if mount.startswith("type=bind")) == 1


@pytest.mark.skipif(shutil.which("docker") is None, reason="asks the real command line, needs no daemon")
def test_the_real_command_line_knows_every_option(docker: Path, tmp_path: Path) -> None:
    words = DockerSandbox(program=str(docker)).arguments(
        ["/bin/true"], "box", folder=tmp_path, limits=Limits()
    )
    help_text = subprocess.run(["docker", "run", "--help"], capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"--[a-z-]+", help_text))
    assert {word for word in words if word.startswith("--")} <= known


async def test_a_solution_is_verified_through_it(docker: Path, solution: Solution) -> None:
    sandbox = DockerSandbox("img:1", program=str(docker))
    verifier = Verifier(sandbox)
    evidence = await verifier.verify(solution("def f(x): return x * x"), tests="assert f(2) == 4")
    assert (evidence.status, evidence.sandbox) == ("verified", "docker (img:1)"), evidence
    evidence = await verifier.verify(solution("def f(x): return x"), tests="assert f(2) == 4")
    assert evidence.status == "failed"
    asked = calls(docker)
    assert asked[0] == ["image", "inspect", "--format", "{{.Id}}", "img:1"]
    runs = [words for words in asked if words[0] == "run"]
    assert len({words[words.index("--name") + 1] for words in runs}) == len(runs) == 4  # with ruff, twice
    assert {words[0] for words in asked} == {"image", "run"}


async def test_what_the_command_did_is_told_as_by_every_backend(docker: Path, tmp_path: Path) -> None:
    sandbox = DockerSandbox(program=str(docker))
    python = [interpreter_path(), "-I", "-c"]
    pieces: list[bytes] = []
    code = "import sys; print(sys.stdin.read()[::-1]); print('err', file=sys.stderr); sys.exit(7)"
    done = await sandbox.run(
        [*python, code], folder=tmp_path, limits=Limits(), stdin=b"abc", on_stdout=pieces.append
    )
    assert (done.exit_code, done.stdout, done.stderr) == (7, b"cba\n", b"err\n")
    assert b"".join(pieces) == done.stdout
    killed = await sandbox.run(
        [*python, "import os; os.kill(os.getpid(), 9)"], folder=tmp_path, limits=Limits()
    )
    assert killed.exit_code == -9
    flood = await sandbox.run([*python, "print('x' * 300_000)"], folder=tmp_path, limits=Limits(output_kb=16))
    assert len(flood.stdout) < 17_000
    deaf = await sandbox.run(
        [*python, "import os; os.close(0)"], folder=tmp_path, limits=Limits(), stdin=b"x" * 500_000
    )
    assert deaf.exit_code == 0


async def test_a_container_that_runs_too_long_is_killed_and_removed(docker: Path, tmp_path: Path) -> None:
    sandbox = DockerSandbox(program=str(docker))
    command = [interpreter_path(), "-I", "-c", "import time; time.sleep(60)"]
    done = await sandbox.run(command, folder=tmp_path, limits=Limits(wall_s=0.7))
    assert (done.timed_out, done.exit_code) == (True, -9)
    run, removal = calls(docker)[-2:]
    assert removal == ["rm", "--force", "--volumes", run[run.index("--name") + 1]]


async def test_cancelling_kills_and_removes_the_container_first(docker: Path, tmp_path: Path) -> None:
    sandbox = DockerSandbox(program=str(docker))
    command = [interpreter_path(), "-I", "-c", "open('born', 'w').close(); import time; time.sleep(60)"]
    task = asyncio.create_task(sandbox.run(command, folder=tmp_path, limits=Limits(wall_s=60)))
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread((tmp_path / "born").exists):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert calls(docker)[-1][0] == "rm"
    assert (docker.parent / "removed").exists()


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("no image", f"the image {default_image()} is not here: docker pull {default_image()}"),
        ("no daemon", "the docker daemon does not answer (Cannot connect to the Docker daemon"),
        ("refuses", "the container could not be started: docker: Error response from daemon"),
        ("bridge", "it has a network: interfaces=eth0 lo"),
        ("", "read was allowed"),
    ],
)
async def test_whatever_is_wrong_makes_it_unavailable_with_what_to_do(
    docker: Path, monkeypatch: pytest.MonkeyPatch, mode: str, words: str
) -> None:
    monkeypatch.setenv("PATH", str(docker.parent))
    fail(docker, mode)
    if mode == "":
        # The stand-in confines nothing, and has this machine's network.
        monkeypatch.setattr("sandbox.choose._find_network", _no_network)
    found = await open_sandbox("docker")
    assert isinstance(found, Unavailable)
    assert words in found.reason
    assert not any(word == "pull" for call in calls(docker) for word in call[:1])


async def _no_network(*_: object) -> str:
    return ""


async def test_without_its_command_line_it_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    found = await open_sandbox("docker")
    assert isinstance(found, Unavailable)
    assert "docker is not on PATH: install Docker" in found.reason
    found = await open_sandbox()
    assert not isinstance(found, DockerSandbox)


async def test_a_daemon_that_hangs_is_given_up(
    docker: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sandbox.docker._CONTROL_S", 0.3)
    fail(docker, "hangs")
    with pytest.raises(SandboxError, match="did not answer within"):
        await DockerSandbox(program=str(docker)).run(["/bin/true"], folder=tmp_path, limits=Limits())


async def test_one_that_holds_is_taken_with_the_image_that_was_chosen(
    docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(docker.parent))
    fail(docker, "holds")
    found = await open_sandbox("docker", image="mine:2")
    assert isinstance(found, DockerSandbox)
    assert found.name == "docker (mine:2)"


async def test_a_path_that_docker_cannot_mount_is_said(docker: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'a"b'
    folder.mkdir()
    with pytest.raises(SandboxError, match="use a folder without quotes"):
        await DockerSandbox(program=str(docker)).run(["/bin/true"], folder=folder, limits=Limits())
