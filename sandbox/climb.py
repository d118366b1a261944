"""One climb of the ladder: make the scratch folder, run, lint beside it, put the checks together."""

import asyncio
import contextlib
import marshal
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.evidence import Check, Evidence, SourceFile
from sandbox.interpreter import INSIDE, inside_command, site_folders
from sandbox.lint import lint
from sandbox.protocol import Limits, Sandbox
from sandbox.report import Reader
from sandbox.scratch import make_scratch, remove_scratch
from sandbox.tests_source import has_pytest

OnCheck = Callable[[Check], None]

_REPORT_KB = 16 << 10
_GRACE_S = 1.0


@dataclass(frozen=True, slots=True)
class Climb:
    """One verification.

    Attributes:
        sandbox: Where it runs.
        limits: What it may use.
        files: The solution.
        tests: The user's tests.
        acceptance: Generated tests.
        on_check: Hears each check, in the ladder's order.
    """

    sandbox: Sandbox
    limits: Limits
    files: Sequence[SourceFile]
    tests: str
    acceptance: str
    on_check: OnCheck

    async def run(self) -> Evidence:
        """Run all of it.

        Raises:
            SandboxError: When nothing could be run.
        """
        async with _scratch(self.files) as folder:
            told = _InOrder(self.on_check)
            linting = asyncio.create_task(self._advise(folder, told))
            try:
                checks = _outrank(await self._execute(folder, told.step))
                # What does not parse has nothing to say to a linter.
                parsed = any(check.name == "parse" and check.passed for check in checks)
                advice = await linting if parsed else None
                if parsed:
                    told.release()
            finally:
                await _end(linting)
        passed = all(check.passed for check in checks if check.required)
        executed = any(check.name == "import" and check.passed for check in checks)
        return Evidence(
            status="verified" if passed and executed else "failed",
            checks=_in_order(checks, advice),
            sandbox=self.sandbox.name,
        )

    async def _advise(self, folder: Path, told: "_InOrder") -> Check | None:
        check = await lint(self.sandbox, folder, self.files, seconds=self.limits.wall_s)
        told.lint(check)
        return check

    async def _execute(self, folder: Path, on_check: OnCheck) -> list[Check]:
        loop = asyncio.get_running_loop()
        token = secrets.token_hex(16)
        reader = Reader(token, on_check)
        command, stdin = await asyncio.to_thread(self._job, folder, token)
        limits = replace(self.limits, wall_s=self.limits.wall_s + _GRACE_S, output_kb=_REPORT_KB)
        execution = await self.sandbox.run(
            command,
            folder=folder,
            limits=limits,
            stdin=stdin,
            on_stdout=lambda piece: _later(loop, reader, piece),
        )
        # The pieces were handed over before the end was, so by now the reader has them all.
        reader.finish(execution, self.limits)
        return reader.checks

    def _job(self, folder: Path, token: str) -> tuple[Sequence[str], bytes]:
        job = marshal.dumps(
            {
                "folder": str(folder),
                "inside": str(INSIDE),
                "site": site_folders(),
                "files": [(file.path, file.content) for file in self.files],
                "tests": self.tests,
                "acceptance": self.acceptance,
                "pytest": has_pytest(),
                "seconds": float(self.limits.wall_s),
            }
        )
        return inside_command("harness"), len(job).to_bytes(8, "big") + job + token.encode()


def _later(loop: asyncio.AbstractEventLoop, reader: Reader, piece: bytes) -> None:
    loop.call_soon_threadsafe(reader.feed, piece)


class _InOrder:
    """Tells the checks in the ladder's order: lint, which runs beside them, after import."""

    def __init__(self, on_check: OnCheck) -> None:
        self._on_check = on_check
        self._waiting: list[Check] = []
        self._advice: list[Check] | None = None
        self._turn = False

    def step(self, check: Check) -> None:
        """Tell a step of the run, or keep it while it is lint's turn."""
        if self._turn and self._advice is None:
            self._waiting.append(check)
            return
        self._on_check(check)
        if check.name == "import":
            self.release()

    def lint(self, check: Check | None) -> None:
        """Tell what lint said, when its turn has come."""
        self._advice = [] if check is None else [check]
        if self._turn:
            self.release()

    def release(self) -> None:
        """Lint's turn has come."""
        self._turn = True
        if self._advice is None:
            return
        told = [*self._advice, *self._waiting]
        self._advice, self._waiting = [], []
        for check in told:
            self._on_check(check)


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
