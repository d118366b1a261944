"""The verification ladder: from source files to `Evidence`."""

import asyncio
import contextlib
import marshal
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from sandbox.evidence import Check, Evidence, SourceFile
from sandbox.interpreter import INSIDE, inside_command, site_folders
from sandbox.lint import lint
from sandbox.paths import check_paths
from sandbox.protocol import Limits, Sandbox, SandboxError, Unavailable
from sandbox.report import Reader
from sandbox.scratch import make_scratch, remove_scratch
from sandbox.tests_source import has_pytest

OnCheck = Callable[[Check], None]

_REPORT_KB = 16 << 10
_GRACE_S = 1.0


class Verifier:
    """Proves or refutes a solution by running it in a sandbox."""

    def __init__(self, sandbox: Sandbox | Unavailable, *, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        """Verify in `sandbox`.

        Args:
            sandbox: Where to run; when there is none, nothing is ever executed.
            limits: What one verification may use.
        """
        self._sandbox = sandbox
        self._limits = limits

    async def verify(
        self,
        files: Sequence[SourceFile],
        *,
        tests: str = "",
        acceptance: str = "",
        on_check: OnCheck | None = None,
        seconds: float | None = None,
    ) -> Evidence:
        """Climb the ladder: parse, compile, import, lint, the user's tests, generated tests.

        Args:
            files: The solution; files that are not Python are written as data.
            tests: The user's tests, Python source.
            acceptance: Generated tests; set aside when they do not parse.
            on_check: Called in the event loop's thread as each result is known.
            seconds: Wall-clock seconds that are left for this verification, if fewer than the limits allow.

        Raises:
            ValueError: When a file's path is unsafe.
        """
        check_paths(files)
        if isinstance(self._sandbox, Unavailable):
            return Evidence(status="not_executed", reason=self._sandbox.reason)
        if not any(file.path.endswith(".py") for file in files):
            return Evidence(status="not_executed", reason="the solution holds no Python file")
        try:
            climb = self._within(seconds)._climb  # noqa: SLF001  # of this class
            return await climb(self._sandbox, files, (tests, acceptance), on_check or _ignore)
        except SandboxError as error:
            return Evidence(status="not_executed", reason=str(error))

    def _within(self, seconds: float | None) -> "Verifier":
        """This verifier with no more time than `seconds`."""
        if seconds is None or seconds >= self._limits.wall_s:
            return self
        return Verifier(self._sandbox, limits=replace(self._limits, wall_s=max(seconds, 0.05)))

    async def _climb(
        self, sandbox: Sandbox, files: Sequence[SourceFile], sources: tuple[str, str], on_check: OnCheck
    ) -> Evidence:
        async with _scratch(files) as folder:
            told = _InOrder(on_check)
            linting = asyncio.create_task(_advise(sandbox, folder, files, told.lint))
            try:
                checks = _outrank(await self._execute(sandbox, folder, (files, *sources), told.step))
                told.release()
                advice = await linting
            finally:
                await _end(linting)
        passed = all(check.passed for check in checks if check.required)
        executed = any(check.name == "import" and check.passed for check in checks)
        return Evidence(
            status="verified" if passed and executed else "failed",
            checks=_in_order(checks, advice),
            sandbox=sandbox.name,
        )

    async def _execute(
        self,
        sandbox: Sandbox,
        folder: Path,
        work: tuple[Sequence[SourceFile], str, str],
        on_check: OnCheck,
    ) -> list[Check]:
        loop = asyncio.get_running_loop()
        token = secrets.token_hex(16)
        reader = Reader(token, on_check)
        command, stdin = await asyncio.to_thread(self._job, folder, work, token)
        limits = replace(self._limits, wall_s=self._limits.wall_s + _GRACE_S, output_kb=_REPORT_KB)
        execution = await sandbox.run(
            command,
            folder=folder,
            limits=limits,
            stdin=stdin,
            on_stdout=lambda piece: _later(loop, reader, piece),
        )
        # The pieces were handed over before the end was, so by now the reader has them all.
        reader.finish(execution, self._limits)
        return reader.checks

    def _job(
        self, folder: Path, work: tuple[Sequence[SourceFile], str, str], token: str
    ) -> tuple[list[str], bytes]:
        files, tests, acceptance = work
        job = marshal.dumps(
            {
                "folder": str(folder),
                "inside": str(INSIDE),
                "site": site_folders(),
                "files": [(file.path, file.content) for file in files],
                "tests": tests,
                "acceptance": acceptance,
                "pytest": has_pytest(),
                "seconds": float(self._limits.wall_s),
            }
        )
        return inside_command("harness"), len(job).to_bytes(8, "big") + job + token.encode()


def _later(loop: asyncio.AbstractEventLoop, reader: Reader, piece: bytes) -> None:
    loop.call_soon_threadsafe(reader.feed, piece)


def _ignore(_check: Check) -> None:
    """Nobody listens."""


class _InOrder:
    """Tells the checks in the ladder's order: lint, which runs beside them, after import."""

    def __init__(self, on_check: OnCheck) -> None:
        self._on_check = on_check
        self._held: list[Check] = []
        self._open = False

    def step(self, check: Check) -> None:
        """Tell a step of the run."""
        self._on_check(check)
        if check.name == "import":
            self.release()

    def lint(self, check: Check) -> None:
        """Tell what lint said, when its turn has come."""
        self._held.append(check)
        if self._open:
            self.release()

    def release(self) -> None:
        """Lint's turn has come."""
        self._open = True
        while self._held:
            self._on_check(self._held.pop())


def _outrank(checks: list[Check]) -> list[Check]:
    """Let generated tests only advise where the user's own have passed: those say what is right."""
    if not any(check.name == "tests" and check.passed for check in checks):
        return checks
    return [
        check.model_copy(update={"required": False})
        if check.name == "acceptance" and not check.passed
        else check
        for check in checks
    ]


def _in_order(checks: list[Check], advice: Check | None) -> list[Check]:
    """Put lint where the ladder has it, after import."""
    if advice is None:
        return checks
    before = [check for check in checks if check.name in ("parse", "compile", "import")]
    return [*before, advice, *checks[len(before) :]]


async def _end(task: "asyncio.Task[Check | None]") -> None:
    """Cancel a task and wait for it, so that its run is over before the folder goes."""
    cancelled = False
    task.cancel()
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


async def _advise(
    sandbox: Sandbox, folder: Path, files: Sequence[SourceFile], on_check: OnCheck
) -> Check | None:
    check = await lint(sandbox, folder, files)
    if check is not None:
        on_check(check)
    return check


@contextlib.asynccontextmanager
async def _scratch(files: Sequence[SourceFile]) -> AsyncIterator[Path]:
    """A folder that is gone afterwards, also after a cancellation."""
    making = asyncio.ensure_future(asyncio.to_thread(make_scratch, files))
    try:
        yield await asyncio.shield(making)
    finally:
        removing = asyncio.ensure_future(_remove(making))
        try:
            await asyncio.shield(removing)
        except asyncio.CancelledError:
            await removing
            raise


async def _remove(making: "asyncio.Future[Path]") -> None:
    await asyncio.to_thread(remove_scratch, await making)
