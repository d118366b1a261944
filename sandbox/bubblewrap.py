"""The second backend: bubblewrap, that is Linux namespaces plus our seccomp filter."""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sandbox.guarded import Guards
from sandbox.interpreter import Readable, readable
from sandbox.nono import environment, filters
from sandbox.protocol import Execution, Limits, SandboxError
from sandbox.task import Task

_SIGNAL_BASE = 128
_LAST_SIGNAL = 64


class BubblewrapSandbox:
    """Confines a command in namespaces of its own, with the guard around it."""

    def __init__(self, program: str = "", *, packages: Sequence[str] = ()) -> None:
        """Use `program`, or the `bwrap` on PATH; folders of `packages` are readable too."""
        self.name = "bubblewrap (namespaces + seccomp)"
        self._program = program
        self._packages = packages
        self._guards = Guards()
        self._readable: Readable | None = None

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
        execution = await self._guards.run(
            lambda: Task(
                command=[*self._walls(folder, environment(folder, env)), *command],
                folder=folder,
                limits=limits,
                env={},
                stdin=stdin,
                on_stdout=on_stdout,
                namespace=False,
                rules=None,
                filters=filters,
            )
        )
        return _outcome(execution)

    def _walls(self, folder: Path, env: Mapping[str, str]) -> list[str]:
        program = self._program or shutil.which("bwrap")
        if sys.platform != "linux" or not program:
            raise SandboxError("bwrap is not on PATH: install the package bubblewrap (Linux only)")
        found = self._readable = self._readable or readable(self._packages)
        walls = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        walls += ["--clearenv", "--seccomp", "{filter}", "--json-status-fd", "{report}"]
        # Only an empty file system stands at the start; all that follows is put into it.
        for path in _outermost([*found.folders, *found.files]):
            if not path.startswith("/dev/"):
                walls += ["--ro-bind", path, path]
        for link in ("/lib", "/lib64", "/lib32"):
            if Path(link).is_symlink():
                walls += ["--symlink", str(Path(link).readlink()), link]
        for device in ("/dev/null", "/dev/urandom", "/dev/zero"):
            walls += ["--dev-bind", device, device]
        walls += ["--bind", str(folder), str(folder), "--remount-ro", "/", "--chdir", str(folder)]
        for name, value in env.items():
            walls += ["--setenv", name, value]
        return [*walls, "--"]


def _outermost(paths: Sequence[str]) -> list[str]:
    """Leave out what lies inside another path of the list."""
    kept: list[str] = []
    for path in sorted(paths):
        if not kept or not path.startswith(f"{kept[-1]}/"):
            kept.append(path)
    return kept


def _outcome(execution: Execution) -> Execution:
    """Give signals their own sign; bubblewrap reports them as shells do."""
    code = execution.exit_code
    if _SIGNAL_BASE < code <= _SIGNAL_BASE + _LAST_SIGNAL:
        return replace(execution, exit_code=_SIGNAL_BASE - code)
    return execution
