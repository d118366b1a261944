"""The verification ladder: from source files to `Evidence`."""

from collections.abc import Sequence
from dataclasses import replace

from sandbox.climb import Climb, OnCheck
from sandbox.evidence import Check, Evidence, SourceFile
from sandbox.paths import check_paths
from sandbox.protocol import Limits, Sandbox, SandboxError, Unavailable


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
            seconds: Wall-clock seconds that are left for this verification, if fewer than the limits allow;
                with none left nothing is run.

        Raises:
            ValueError: When a file's path is unsafe.
        """
        check_paths(files)
        if isinstance(self._sandbox, Unavailable):
            return Evidence(status="not_executed", reason=self._sandbox.reason)
        if not any(file.path.endswith(".py") for file in files):
            return Evidence(status="not_executed", reason="the solution holds no Python file")
        if seconds is not None and not seconds > 0:
            reason = f"seconds is {seconds:g}, so no time was left to run it: allow more than 0"
            return Evidence(status="not_executed", reason=reason)
        limits = self._limits
        if seconds is not None and seconds < limits.wall_s:
            limits = replace(limits, wall_s=seconds)
        try:
            return await Climb(self._sandbox, limits, files, tests, acceptance, on_check or _ignore).run()
        except SandboxError as error:
            return Evidence(status="not_executed", reason=str(error))


def _ignore(_check: Check) -> None:
    """Nobody listens."""
