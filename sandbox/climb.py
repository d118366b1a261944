"""One climb of the ladder: make the scratch folder, run, lint beside it, put the checks together."""

import asyncio
import contextlib
import marshal
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.commands import command_for
from sandbox.evidence import Check, Evidence, SourceFile
from sandbox.interpreter import INSIDE, inside_command, site_folders
from sandbox.layout import source_root
from sandbox.lint import lint
from sandbox.protocol import Execution, Limits, Sandbox
from sandbox.report import Reader
from sandbox.scratch import make_scratch, remove_scratch
from sandbox.settling import Settling
from sandbox.tests_source import has_pytest
from sandbox.typecheck import check_types

OnCheck = Callable[[Check], None]

_REPORT_KB = 16 << 10
_GRACE_S = 1.0
_LEAST_S = 0.1
"""What a second run gets when the first has used up the time."""


@dataclass(frozen=True, slots=True)
class Climb:
    """One verification.

    Attributes:
        sandbox: Where it runs.
        limits: What it may use.
        files: The solution.
        settling: The tests, and what of their outcome counts.
        types: Whether the type checker must pass too.
        packages: Folders of installed packages beside the interpreter's own.
        on_check: Hears each check, in the ladder's order.
    """

    sandbox: Sandbox
    limits: Limits
    files: Sequence[SourceFile]
    settling: Settling
    types: bool
    packages: Sequence[str]
    on_check: OnCheck

    async def run(self) -> Evidence:
        """Run all of it.

        Raises:
            SandboxError: When nothing could be run.
        """
        async with _scratch(self.files) as folder:
            told = _InOrder(self.on_check)
            beside = asyncio.create_task(self._beside(folder, told))
            try:
                checks = await self._execute(folder, told.step)
                # What does not parse has nothing to say to a linter.
                parsed = any(check.name == "parse" and check.passed for check in checks)
                advice = await beside if parsed else []
                if parsed:
                    told.release()
            finally:
                await _end(beside)
        return _evidence(_in_order(checks, advice), self.sandbox.name)

    async def _beside(self, folder: Path, told: "_InOrder") -> list[Check]:
        """What reads the files and does not run them, at the same time as the run."""
        seconds = self.limits.wall_s
        jobs = [lint(self.sandbox, folder, self.files, seconds=seconds)]
        if self.types:
            root = self._root()
            jobs.append(check_types(self.sandbox, folder, self.files, seconds=seconds, root=root))
        checks = [self._complete(check) for check in await asyncio.gather(*jobs) if check is not None]
        told.beside(checks)
        return checks

    def _complete(self, check: Check) -> Check:
        return check.model_copy(update={"command": command_for(check.name, self.files)})

    async def _execute(self, folder: Path, on_check: OnCheck) -> list[Check]:
        checks: list[Check] = []

        def take(check: Check) -> None:
            checks.append(self._complete(check))
            on_check(checks[-1])

        reader = Reader(lambda check: take(self.settling.settle(check, cut=reader.cut)))
        until = time.monotonic() + self.limits.wall_s
        execution = await self._once(folder, reader, b"", self.limits.wall_s)
        while reader.again:
            # Nothing of the run before is left for this one: no process, no file.
            async with _scratch(self.files) as fresh:
                left = max(until - time.monotonic(), _LEAST_S)
                execution = await self._once(fresh, reader, reader.again, left)
        # The pieces were handed over before the end was, so by now the reader has them all.
        reader.finish(execution, self.limits)
        if all(check.passed for check in checks) and (unsaid := self.settling.unsaid()) is not None:
            take(unsaid)
        return checks

    def _root(self) -> str:
        return source_root(self.files, self.settling.tests, self.settling.acceptance)

    async def _once(self, folder: Path, reader: Reader, state: bytes, seconds: float) -> Execution:
        """One run, from the beginning or from where another one left off."""
        loop = asyncio.get_running_loop()
        token = secrets.token_hex(16)
        reader.expect(token)
        command, stdin = await asyncio.to_thread(self._job, folder, token, state, seconds)
        limits = replace(self.limits, wall_s=seconds + _GRACE_S, output_kb=_REPORT_KB)
        return await self.sandbox.run(
            command,
            folder=folder,
            limits=limits,
            stdin=stdin,
            on_stdout=lambda piece: _later(loop, reader, piece),
        )

    def _job(self, folder: Path, token: str, state: bytes, seconds: float) -> tuple[Sequence[str], bytes]:
        job = marshal.dumps(
            {
                "folder": str(folder),
                "inside": str(INSIDE),
                "site": [*site_folders(), *self.packages],
                "files": [(file.path, file.content) for file in self.files],
                "root": self._root(),
                "tests": self.settling.tests,
                "acceptance": self.settling.acceptance,
                "pytest": has_pytest(),
                "seconds": float(seconds),
                "state": state,
            }
        )
        return inside_command("harness"), len(job).to_bytes(8, "big") + job + token.encode()


def _later(loop: asyncio.AbstractEventLoop, reader: Reader, piece: bytes) -> None:
    loop.call_soon_threadsafe(reader.feed, piece)


class _InOrder:
    """Tells the checks in the ladder's order: lint and types, which run beside them, after import."""

    def __init__(self, on_check: OnCheck) -> None:
        self._on_check = on_check
        self._waiting: list[Check] = []
        self._advice: list[Check] | None = None
        self._turn = False

    def step(self, check: Check) -> None:
        """Tell a step of the run, or keep it while it is the others' turn."""
        if self._turn and self._advice is None:
            self._waiting.append(check)
            return
        self._on_check(check)
        if check.name == "import":
            self.release()

    def beside(self, checks: list[Check]) -> None:
        """Tell what ran beside the run, when its turn has come."""
        self._advice = checks
        if self._turn:
            self.release()

    def release(self) -> None:
        """The turn of what runs beside has come."""
        self._turn = True
        if self._advice is None:
            return
        told = [*self._advice, *self._waiting]
        self._advice, self._waiting = [], []
        for check in told:
            self._on_check(check)


def _in_order(checks: list[Check], beside: list[Check]) -> list[Check]:
    """Put lint and types where the ladder has them, after import."""
    before = [check for check in checks if check.name in ("parse", "compile", "import")]
    return [*before, *beside, *checks[len(before) :]]


def _evidence(checks: list[Check], sandbox: str) -> Evidence:
    """What the checks come to: one that was asked for and could not run is no proof, and no failure."""
    imported = any(check.name == "import" and check.passed for check in checks)
    evidence = Evidence(status="failed", checks=checks, sandbox=sandbox)
    if not imported or evidence.failure is not None:
        return evidence
    missing = next((check for check in checks if check.required and not check.executed), None)
    if missing is not None:
        reason = f"{missing.name}: {missing.detail.removeprefix('not executed: ')}"
        return evidence.model_copy(update={"status": "not_executed", "reason": reason})
    return evidence.model_copy(update={"status": "verified"})


async def _end(task: "asyncio.Task[list[Check]]") -> None:
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
