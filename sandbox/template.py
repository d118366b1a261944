"""The near side of the template: one warm interpreter per program, started when first needed."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import weakref
from collections.abc import Sequence

from sandbox.interpreter import inside_command
from sandbox.protocol import SandboxError


class Template:
    """Forks guards for the runs of this program; a template that died is replaced before the next run."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._process: _Process | None = None

    def ask(self, descriptors: Sequence[int], package: str) -> int:
        """Ask for a guard. Whether there is one shows on its status pipe, which ends with it. Blocks.

        Args:
            descriptors: Standard input, output and error of the command, the control and the status pipe;
                the guard gets copies.
            package: Where nono-py is, if the run is confined by it.

        Returns:
            The template's process number.

        Raises:
            SandboxError: When there is no template; nothing runs then.
        """
        with self._lock:
            kept = self._process
            # A program that forked itself must not share the socket with its parent.
            if kept is not None and kept.owner == os.getpid():
                with contextlib.suppress(OSError):
                    return kept.ask(descriptors)
                kept.end()
            self._process = None
            try:
                self._process = _Process(package)
                return self._process.ask(descriptors)
            except OSError as error:
                raise SandboxError(f"the guard process could not be started: {error}") from error

    def end(self) -> None:
        """End a template that does not answer, and the guard that waits in it; the others go on."""
        with self._lock:
            if self._process is not None:
                self._process.end()
            self._process = None


class _Process:
    """One template process and the socket to it."""

    def __init__(self, package: str) -> None:
        self.owner = os.getpid()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = subprocess.Popen(  # noqa: S603 - our own script
                    inside_command("template", theirs.fileno(), package),
                    # Pipes, as the streams of a run are, so that the interpreter makes the same of them.
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=(theirs.fileno(),),
                    cwd="/",
                    env={"LANG": "C.UTF-8", "LD_BIND_NOW": "1"},
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        self.pid = process.pid
        self._socket = ours
        self._process = process
        self.end = weakref.finalize(self, _end, process, ours, self.owner)

    def ask(self, descriptors: Sequence[int]) -> int:
        """Hand over the descriptors for one run.

        Raises:
            OSError: When the template is dead.
        """
        socket.send_fds(self._socket, [b"+"], list(descriptors))
        return self.pid


def _end(process: "subprocess.Popen[bytes]", requests: socket.socket, owner: int) -> None:
    """Let go of a template. It keeps nothing that could be lost, and its guards do without it."""
    requests.close()
    if owner == os.getpid():
        # The guard that waits for a run is in its session, those that have one are not.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    process.wait()
