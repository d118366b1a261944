"""The verification ladder: from source files to `Evidence`."""

from collections.abc import Sequence
from dataclasses import replace

from sandbox.climb import Climb, OnCheck
from sandbox.evidence import Check, Evidence, SourceFile
from sandbox.options import Options
from sandbox.paths import check_paths
from sandbox.protocol import Limits, Sandbox, SandboxError, Unavailable
from sandbox.settling import Settling
from sandbox.skipping import skipped, with_skipped
from sandbox.tests_source import python_tests


class Verifier:
    """Proves or refutes a solution by running it in a sandbox."""

    def __init__(
        self,
        sandbox: Sandbox | Unavailable,
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        packages: Sequence[str] = (),
    ) -> None:
        """Verify in `sandbox`.

        Args:
            sandbox: Where to run; when there is none, nothing is ever executed.
            limits: What one verification may use.
            packages: Folders of installed packages that solutions may import beside the interpreter's own;
                the sandbox must have been opened with them.
        """
        self._sandbox = sandbox
        self._limits = limits
        self._packages = tuple(packages)

    async def verify(  # noqa: PLR0913 - each is something that a caller may want or not
        self,
        files: Sequence[SourceFile],
        *,
        tests: str = "",
        acceptance: str = "",
        on_check: OnCheck | None = None,
        seconds: float | None = None,
        options: Options | None = None,
    ) -> Evidence:
        """Climb the ladder: parse, compile, import, lint, types, the user's tests, generated tests.

        Args:
            files: The solution; files that are not Python are written as data.
            tests: The user's tests, Python source or doctests.
            acceptance: Generated tests; set aside when they do not parse, or contradict the user's.
            on_check: Called in the event loop's thread as each result is known.
            seconds: Wall-clock seconds that are left for this verification, if fewer than the limits allow;
                with none left nothing is run.
            options: What else is asked for.

        Raises:
            ValueError: When a file's path is unsafe, or doctests among the tests cannot be read.
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
        options = options or Options()
        given = {"tests": python_tests(tests), "acceptance": acceptance}
        aside = [
            check
            for name, source in given.items()
            if (check := skipped(name, source, files, self._packages)) is not None
        ]
        given |= {check.name: "" for check in aside}
        settling = Settling(files, given["tests"], given["acceptance"], options)
        climb = Climb(
            self._sandbox, limits, files, settling, options.types, self._packages, on_check or _ignore
        )
        try:
            evidence = await climb.run()
        except SandboxError as error:
            return Evidence(status="not_executed", reason=str(error))
        for check in aside:
            (on_check or _ignore)(check)
        return with_skipped(evidence, aside)


def _ignore(_check: Check) -> None:
    """Nobody listens."""
