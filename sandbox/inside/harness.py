"""The relay: starts the judge and the worker, and passes the judge's records on.

It never executes, imports or parses anything of the solution, and the judge never executes it. Only the
relay holds the run's token and the way out (its standard output), and it alone can tell the end of the
two. The worker, which has the solution, is forked before there is anything to know or to write to.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import _socket
import marshal
import os
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from sandbox.inside import private
    from sandbox.inside.records import escape
    from sandbox.inside.sealing import seal
else:
    import private
    from records import escape
    from sealing import seal

_TAIL = 2000
_MOST_RECORD_BYTES = 4 << 20
_MOST_AT_ONCE = 1 << 20
_PATIENCE, _LOST = 50, 70


_BOTH = "describing wire standard boxes writer reader codec channel peer kinds importing"
_WORKER = f"{_BOTH} stubs worker"
_JUDGE = f"records {_BOTH} parameters probing comparing remote session shared tamper"
_TESTS = """looking judging equality asserts rewriting sharing modules unittest_cases pytest_cases cases
    suites"""


class Relay:
    """Reads the judge's records and what is printed until it is done, dead, or out of time."""

    def __init__(self, child: int, worker: int, records: int, output: int, nonce: bytes) -> None:
        """Watch the judge and the worker, which were just forked."""
        self._child = child
        self._worker = worker
        self._records = records
        self._output = output
        self._nonce = nonce
        self._pending = b""
        self._tail = b""
        self._sent = b""
        self._count = 0
        self._bytes = 0
        self._key = b""
        self._lines = 0
        self._open = {records, output}
        self._how = ""

    def run(self, token: bytes, seconds: float) -> str:
        """Give the judge the word to begin, and pass records on.

        Returns:
            How it ended, as the body of the last record.
        """
        self._key = token
        os.write(self._records, b"!")
        deadline = time.monotonic() + seconds
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        while True:
            pid, status = os.waitpid(self._child, os.WNOHANG)
            self._drain()
            if self._how:
                return self._how
            if pid:
                return f'"exit":{os.waitstatus_to_exitcode(status)}'
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return '"timeout":true'
            select.select([*self._open, wake_read], [], [], remaining)

    def _drain(self) -> None:
        # What was printed in a step is written before the step's record, so it is read after it.
        self._pending += self._read(self._records)
        self._tail = (self._tail + self._read(self._output))[-_TAIL:]
        *lines, self._pending = self._pending.split(b"\n")
        if len(self._pending) > _MOST_RECORD_BYTES:
            self._pending = b""
        for line in lines:
            self._take(line)

    def _read(self, descriptor: int) -> bytes:
        if descriptor not in self._open:
            return b""
        data = b""
        # A flood must not keep us from looking at the clock.
        while len(data) < _MOST_AT_ONCE:
            try:
                piece = os.read(descriptor, 1 << 16)
            except BlockingIOError:
                break
            if not piece:
                # A closed pipe would look readable for ever.
                self._open.remove(descriptor)
                break
            data += piece
        return data

    def _take(self, line: bytes) -> None:
        expected = self._nonce + b" %d " % self._count
        # Whoever writes here without the nonce or out of turn is not our part of the child.
        if not line.startswith(expected) or self._how or self._bytes > _MOST_RECORD_BYTES:
            return
        self._count += 1
        kind, _, body = line[len(expected) :].partition(b" ")
        self._bytes += len(body)
        if kind == b"end":
            self._how = '"done":true'
            return
        if kind == b"gone":
            self._how = self._end_of_worker(body)
            return
        if kind == b"check":
            self.send_tail()
        self._send(b'{"kind":"' + kind + b'",' + body + b"}")

    def _end_of_worker(self, why: bytes) -> str:
        """How the process with the solution ended, as far as can be known."""
        if why.lstrip(b"-").isdigit():
            return f'"exit":{int(why)}'
        if why:
            return '"tampered":true'
        for _ in range(_PATIENCE):
            pid, status = os.waitpid(self._worker, os.WNOHANG)
            if pid:
                return f'"exit":{os.waitstatus_to_exitcode(status)}'
            time.sleep(0.01)
        # It closed its end and lives on.
        return f'"exit":{_LOST}'

    def send_tail(self) -> None:
        """Send what the solution printed last, when it is news."""
        if self._tail and self._tail != self._sent:
            self._sent = self._tail
            self._send(b'{"kind":"output","text":' + escape(self._tail.decode("utf-8", "replace")) + b"}")

    def _send(self, record: bytes) -> None:
        data = seal(self._key, self._lines, record) + b" " + record + b"\n"
        self._lines += 1
        while data:
            data = data[os.write(1, data) :]

    def close(self, how: str) -> None:
        """Send the last record."""
        self.send_tail()
        self._send(b'{"kind":"end",' + how.encode() + b"}")


def _read_exactly(count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = os.read(0, count - len(data))
        if not piece:
            os._exit(3)
        data += piece
    return data


def _settle(output: int) -> None:
    """Let go of what the relay reads from and writes to."""
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in (null, output):
        os.close(descriptor)


def _load(folder: str, names: str) -> ModuleType:
    """Load our modules privately and give the last."""
    modules = private.load(folder, *names.split())
    for name in ("harness", "records", "sealing", "private"):
        sys.modules.pop(name, None)
    return modules[-1]


def _become_worker(line: tuple[int, int], output: int) -> None:
    """Serve the judge with the solution."""
    _settle(output)
    try:
        vars(_load(__file__.rpartition("/")[0], _WORKER))["main"](*line)
    finally:
        os._exit(_LOST)


def _become_judge(
    job: dict[str, Any], nonce: bytes, records: int, line: tuple[int, int], output: int
) -> None:
    """Run the steps."""
    # Its default handler would raise within whatever runs, and anybody here may send it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _settle(output)
    tested = bool(job["tests"] or job["acceptance"])
    names = f"{_JUDGE} {_TESTS if tested else ''} steps"
    try:
        modules = private.load(job["inside"], *names.split())
        job["ours"] = modules
        if tested:
            job["plan"] = vars(modules[-2])["Plan"]
        modules[-1].run(job, nonce, records, line)
    except BaseException:  # noqa: BLE001 - the relay notices that the end is missing
        os._exit(_LOST)
    os._exit(0)


def _fork_worker(output: int, ours: int) -> tuple[int, tuple[int, int]]:
    """Start the worker, which is not to have `ours`.

    Returns:
        Its number, and the descriptors to read from and write to it.
    """
    to_worker, to_judge = os.pipe(), os.pipe()
    worker = os.fork()
    if worker == 0:
        for descriptor in (to_worker[1], to_judge[0], ours):
            os.close(descriptor)
        _become_worker((to_worker[0], to_judge[1]), output)
    for descriptor in (to_worker[0], to_judge[1]):
        os.close(descriptor)
    return worker, (to_judge[0], to_worker[1])


def load_all(folder: str) -> None:
    """Load what any run needs, in an interpreter that many runs will be forked from."""
    private.load(folder, *_WORKER.split())
    private.load(folder, *_JUDGE.split(), *_TESTS.split(), "steps")


def main() -> None:
    """Fork the worker, read the job, fork the judge, relay.

    The token is read only after the second fork, and the solution starts only after that.
    """
    output_read, output_write = os.pipe()
    worker, line = _fork_worker(output_write, output_read)
    job: dict[str, Any] = marshal.loads(_read_exactly(int.from_bytes(_read_exactly(8), "big")))  # noqa: S302
    nonce = os.urandom(16).hex().encode()
    # Sockets, since a pipe of another process can be opened by way of /proc.
    ours, theirs = (end.detach() for end in _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM))
    judge = os.fork()
    if judge == 0:
        os.close(ours)
        os.close(output_read)
        _become_judge(job, nonce, theirs, line, output_write)
    for descriptor in (theirs, output_write, *line):
        os.close(descriptor)
    for descriptor in (ours, output_read):
        os.set_blocking(descriptor, False)
    token = _read_exactly(32)
    relay = Relay(judge, worker, ours, output_read, nonce)
    relay.close(relay.run(token, job["seconds"]))
    # Nothing is left to do that would be worth an orderly end of the interpreter.
    os._exit(0)
