"""The third backend: a container of the docker command line, without network, rights or a writable root."""

import asyncio
import contextlib
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.interpreter import INSIDE, interpreter_path, ruff_path, site_folders
from sandbox.nono import environment
from sandbox.pipes import Clipped
from sandbox.protocol import Execution, Limits, SandboxError

_CHUNK = 1 << 16
_DOCKER_FAILED = 125
_SIGNAL_BASE, _LAST_SIGNAL = 128, 64
_CONTROL_S = 20.0
"""Seconds that the daemon may take to answer a question or to remove a container."""
_CPUS = 2


def default_image() -> str:
    """The image that has the Python of this program, so that installed packages fit."""
    return f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"


class DockerSandbox:
    """Runs each command in a container of its own, which is gone afterwards."""

    def __init__(self, image: str = "", *, program: str = "", packages: Sequence[str] = ()) -> None:
        """Prepare nothing yet; the daemon and the image are asked for at the first run.

        Args:
            image: An image with a `python3`; it must be there, for none is ever pulled.
            program: The docker command; by default the one on PATH.
            packages: Folders of installed packages that are readable too.
        """
        self.image = image or default_image()
        self.name = f"docker ({self.image})"
        self._program = program
        self._packages = tuple(packages)
        self._is_ready = False

    async def run(  # noqa: PLR0913 - the protocol's keywords read better than one more object
        self,
        command: Sequence[str],
        *,
        folder: Path,
        limits: Limits,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        on_stdout: Callable[[bytes], None] | None = None,
    ) -> Execution:
        """Run `command` as the protocol says; the host's interpreter stands for the image's `python3`."""
        await self._get_ready()
        container = f"duograph-{os.getpid()}-{secrets.token_hex(6)}"
        words = self.arguments(command, container, folder=folder, limits=limits, env=env)
        running = _Running(limits, on_stdout)
        done: Execution | None = None
        try:
            done = await running.run(words, stdin)
        finally:
            if done is None or done.timed_out or done.exit_code < 0:
                await _to_the_end(self._clear(running, container))
        return _outcome(done)

    def arguments(
        self,
        command: Sequence[str],
        container: str,
        *,
        folder: Path,
        limits: Limits,
        env: Mapping[str, str] | None = None,
    ) -> list[str]:
        """The whole `docker run` command line.

        Args:
            command: What to run inside.
            container: The container's name.
            folder: The scratch folder, which keeps its path inside.
            limits: What the run may use; its start counts too, and memory is that of all.
            env: The environment beyond the bare minimum.
        """
        size = f"{limits.memory_mb}m"
        words = [self._docker(), "run", "--rm", "--interactive", "--init", "--name", container]
        words += ["--pull", "never", "--network", "none", "--read-only", "--cap-drop", "ALL"]
        words += ["--security-opt", "no-new-privileges", "--ipc", "private"]
        words += ["--shm-size", "64m", "--log-driver", "none"]
        words += ["--pids-limit", str(limits.processes), "--memory", size, "--memory-swap", size]
        words += ["--cpus", str(_CPUS), "--user", f"{os.getuid()}:{os.getgid()}"]
        for limit, most in (
            ("core", 0),
            ("cpu", limits.cpu_s),
            ("fsize", limits.file_mb << 20),
            ("nofile", limits.open_files),
        ):
            words += ["--ulimit", f"{limit}={most}:{most}"]
        words += ["--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=64m"]  # noqa: S108 - the container's own
        words += ["--mount", _mount(str(folder), writable=True), "--workdir", str(folder)]
        for path in self._readable():
            words += ["--mount", _mount(path)]
        for name, value in environment(folder, env).items():
            words += ["--env", f"{name}={value}"]
        program, *rest = command
        inside = "python3" if program == interpreter_path() else program
        return [*words, "--entrypoint", inside, self.image, *rest]

    def _readable(self) -> list[str]:
        """Our scripts, the installed packages, and ruff; the interpreter is the image's own."""
        wanted = [str(INSIDE), *site_folders(), *self._packages, ruff_path() or ""]
        return sorted({path for path in wanted if path and Path(path).exists()})

    def _docker(self) -> str:
        program = self._program or shutil.which("docker")
        if not program:
            raise SandboxError("docker is not on PATH: install Docker, or choose another sandbox")
        return program

    async def _get_ready(self) -> None:
        """Make sure once that the daemon answers and has the image.

        Raises:
            SandboxError: Saying what to do.
        """
        if self._is_ready:
            return
        code, said = await _ask(self._docker(), "image", "inspect", "--format", "{{.Id}}", self.image)
        if code != 0 and "no such image" in said.lower():
            raise SandboxError(f"the image {self.image} is not here: docker pull {self.image}")
        if code != 0:
            raise SandboxError(f"the docker daemon does not answer ({said}): start it")
        self._is_ready = True

    async def _clear(self, running: "_Running", container: str) -> None:
        """Kill and remove a container, whatever state it is in, and its client."""
        with contextlib.suppress(SandboxError):
            await _ask(self._docker(), "rm", "--force", "--volumes", container)
        await running.let_go()


@dataclass(slots=True)
class _Running:
    """One docker client at work.

    Attributes:
        limits: What the run may use.
        on_stdout: Hears each piece of output.
    """

    limits: Limits
    on_stdout: Callable[[bytes], None] | None
    process: asyncio.subprocess.Process | None = field(default=None, init=False)

    async def run(self, words: Sequence[str], stdin: bytes) -> Execution:
        """Start the client, feed and read it until it ends or its time is over."""
        pipe = asyncio.subprocess.PIPE
        try:
            self.process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise SandboxError(f"docker could not be started: {error}") from error
        process = self.process
        assert process.stdin and process.stdout and process.stderr  # noqa: S101, PT018 - they are pipes
        limit = self.limits.output_kb << 10
        out, err = Clipped(limit), Clipped(limit)
        began, timed_out = time.monotonic(), False
        try:
            async with asyncio.timeout(self.limits.wall_s), asyncio.TaskGroup() as group:
                group.create_task(_feed(process.stdin, stdin))
                group.create_task(_read(process.stdout, out, limit, self.on_stdout))
                group.create_task(_read(process.stderr, err, limit, None))
                group.create_task(process.wait())
        except TimeoutError:
            timed_out = True
        # What was heard was handed to the loop; whoever hears it comes first.
        await asyncio.sleep(0)
        code = -9 if timed_out or process.returncode is None else process.returncode
        return Execution(code, out.value(), err.value(), time.monotonic() - began, timed_out)

    async def let_go(self) -> None:
        """End the client, if it has not ended by itself, and read its pipes to their end."""
        process = self.process
        if process is None or process.stdout is None or process.stderr is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        nowhere = Clipped(2)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CONTROL_S):
                await asyncio.gather(
                    _read(process.stdout, nowhere, 0, None),
                    _read(process.stderr, nowhere, 0, None),
                    process.wait(),
                )


async def _to_the_end(work: Coroutine[None, None, None]) -> None:
    """Await `work` even while this task is being cancelled, and then let the cancellation go on."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


def _mount(path: str, *, writable: bool = False) -> str:
    """A bind mount at the same place; docker reads the value as a line of CSV."""
    if '"' in path or "\n" in path:
        raise SandboxError(f"docker cannot mount {path!r}: use a folder without quotes in its path")
    parts = ["type=bind", f"source={path}", f"target={path}", *([] if writable else ["readonly"])]
    return ",".join(f'"{part}"' if "," in part else part for part in parts)


async def _ask(*words: str) -> tuple[int, str]:
    """One short question to the docker command line; its exit code and what it said."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:
        raise SandboxError(f"docker could not be started: {error}") from error
    try:
        async with asyncio.timeout(_CONTROL_S):
            said, _ = await process.communicate()
    except TimeoutError:
        raise SandboxError(f"the docker daemon did not answer within {_CONTROL_S:g} s: restart it") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode or 0, " ".join(said.decode("utf-8", "replace").split())[-300:]


async def _feed(stdin: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(data)
        await stdin.drain()
    stdin.close()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await stdin.wait_closed()


async def _read(
    stream: asyncio.StreamReader, kept: Clipped, limit: int, tell: Callable[[bytes], None] | None
) -> None:
    told = 0
    while piece := await stream.read(_CHUNK):
        kept.add(piece)
        if tell is not None and told < limit:
            told += len(piece)
            tell(piece)


def _outcome(done: Execution) -> Execution:
    """Tell docker's own failures from the command's, and give signals their own sign.

    A command that ends with 125 and complains in docker's name fails here too: nothing is proved by it.
    """
    code = done.exit_code
    if code == _DOCKER_FAILED and done.stderr.lstrip().startswith(b"docker:"):
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[-300:]
        raise SandboxError(f"the container could not be started: {said}")
    if _SIGNAL_BASE < code <= _SIGNAL_BASE + _LAST_SIGNAL:
        code = _SIGNAL_BASE - code
    return Execution(code, done.stdout, done.stderr, done.duration_s, done.timed_out)
