"""The first backend: nono, that is Landlock and seccomp on Linux, Seatbelt on macOS."""

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sandbox.guarded import Guards
from sandbox.interpreter import Readable, readable
from sandbox.protocol import Execution, Limits, SandboxError
from sandbox.seccomp import filter_program
from sandbox.task import Task

MINIMUM_ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


class NonoSandbox:
    """Confines a command by nono's rules plus a filter of our own, under the guard."""

    def __init__(self, *, namespace: bool = True, packages: Sequence[str] = ()) -> None:
        """Prepare nothing yet; everything is found at the first run.

        Args:
            namespace: Whether to put runs into a PID namespace where the machine allows it.
            packages: Folders of installed packages that are readable too.
        """
        self.name = "nono (seatbelt)" if sys.platform == "darwin" else "nono (landlock + seccomp)"
        self._guards = Guards()
        self._namespace = namespace
        self._packages = packages
        self._readable: Readable | None = None
        self._package = ""

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
        """Run `command` as the protocol says."""
        return await self._guards.run(
            lambda: Task(
                command=command,
                folder=folder,
                limits=limits,
                env=environment(folder, env),
                stdin=stdin,
                on_stdout=on_stdout,
                namespace=self._namespace,
                rules=self._rules(folder),
                filters=filters,
            )
        )

    def _rules(self, folder: Path) -> dict[str, object]:
        found = self._readable = self._readable or readable(self._packages)
        package = self._package = self._package or nono_folder()
        return {
            "package": package,
            "folders": list(found.folders),
            "files": list(found.files),
            "writable": [str(folder)],
        }


def environment(folder: Path, more: Mapping[str, str] | None) -> dict[str, str]:
    """The bare minimum, with home and temporary files in the scratch folder."""
    return {**MINIMUM_ENVIRONMENT, "HOME": str(folder), "TMPDIR": str(folder), **(more or {})}


def filters(protected: tuple[int, ...]) -> tuple[bytes, bytes]:
    """The filter for use inside a PID namespace, and the one without, which shields our processes."""
    if sys.platform != "linux":
        return b"", b""
    try:
        return filter_program(), filter_program(protected=protected)
    except NotImplementedError as error:
        raise SandboxError(str(error)) from error


def nono_folder() -> str:
    """Where nono-py is installed, found without importing it."""
    spec = importlib.util.find_spec("nono_py")
    if spec is None or spec.origin is None:
        raise SandboxError("nono-py is not installed: pip install 'nono-py>=0.16,<0.17'")
    return str(Path(spec.origin).parent)
