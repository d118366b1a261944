"""No backend at all: limits, and not a single wall. Only for those who ask for it by name."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sandbox.guarded import Guards
from sandbox.nono import environment
from sandbox.protocol import Execution, Limits
from sandbox.task import Task

WARNING = (
    "the sandbox is off (sandbox = none): code that a model wrote runs with your rights, "
    "can read and write your files and use the network"
)


class BareRun:
    """Runs a command under the guard: its limits and its end hold, and it is confined by nothing."""

    name = "none"

    def __init__(self) -> None:
        """Prepare nothing yet."""
        self._guards = Guards()

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
        """Run `command` as the protocol says, except that nothing keeps it inside `folder`."""
        return await self._guards.run(
            lambda: Task(
                command=command,
                folder=folder,
                limits=limits,
                env=environment(folder, env),
                stdin=stdin,
                on_stdout=on_stdout,
                namespace=False,
                rules=None,
                filters=lambda _: (b"", b""),
            )
        )
