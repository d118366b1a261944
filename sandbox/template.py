"""The near side of the template: one warm interpreter per program, started when first needed."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence

from sandbox.interpreter import inside_command
from sandbox.protocol import SandboxError

_ANSWER_S = 20.0
"""A template that has not answered by then is taken for dead."""


class Template:
    """Forks guards for the runs of this program; a template that died is replaced before the next run."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._process: _Process | None = None

    def fork(self, descriptors: Sequence[int], package: str) -> tuple[int, int]:
        """Fork a guard. Blocks.

        Args:
            descriptors: Standard input, output and error of the command, the control and the status pipe;
                the guard has copies.
            package: Where nono-py is, if the run is confined by it.

        Returns:
            The numbers of the guard and of the template.

        Raises:
            SandboxError: When there is none; nothing runs then.
        """
        with self._lock:
            kept = self._process
            # A program that forked itself must not share the socket with its parent.
            if kept is not None and kept.owner == os.getpid():
                with contextlib.suppress(OSError, EOFError):
                    return kept.fork(descriptors), kept.pid
                kept.end()
            self._process = None
            try:
                started = self._process = _Process(package)
                return started.fork(descriptors), started.pid
            except (OSError, EOFError) as error:
                raise SandboxError(f"the guard process could not be started: {error}") from error


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
        ours.settimeout(_ANSWER_S)
        self.pid = process.pid
        self._socket = ours
        self._process = process
        self.end = weakref.finalize(self, _end, process, ours, self.owner)

    def fork(self, descriptors: Sequence[int]) -> int:
        """Ask for a guard.

        Raises:
            OSError: When it could not be made.
            EOFError: When the template is dead.
        """
        socket.send_fds(self._socket, [b"+"], list(descriptors))
        answer = self._socket.recv(8)
        if len(answer) != 8:  # noqa: PLR2004 - one number
            raise EOFError("the template process ended")
        guard = int.from_bytes(answer, sys.byteorder, signed=True)
        if guard < 0:
            raise OSError(-guard, os.strerror(-guard))
        return guard


def _end(process: "subprocess.Popen[bytes]", requests: socket.socket, owner: int) -> None:
    """Let go of a template. It keeps nothing that could be lost, and its guards do without it."""
    requests.close()
    if owner == os.getpid():
        process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    process.wait()
