"""The relay: starts the process that runs untrusted code, and passes its records on.

It never executes, imports or parses anything of the solution. Only it holds the run's token and the
way out (its standard output); the child has neither, only a pipe to here and a nonce for that pipe.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import marshal
import os
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sandbox.inside import private
    from sandbox.inside.records import escape
else:
    import private
    from records import escape

_WITHOUT_TESTS = ("records", "describing", "steps")
_WITH_TESTS = (
    *("records", "describing", "looking", "judging", "equality", "asserts", "rewriting"),
    *("unittest_cases", "pytest_cases", "cases", "suites", "steps"),
)
"""The modules that the untrusted process needs, each after those that it imports."""
_TAIL = 2000
_MOST_RECORD_BYTES = 4 << 20
_MOST_AT_ONCE = 1 << 20


class Relay:
    """Reads the child's two pipes until it is done, dead, or out of time."""

    def __init__(self, child: int, records: int, output: int, nonce: bytes) -> None:
        """Watch a child that was just forked."""
        self._child = child
        self._records = records
        self._output = output
        self._nonce = nonce
        self._pending = b""
        self._tail = b""
        self._sent = b""
        self._count = 0
        self._bytes = 0
        self._token = b""
        self._open = {records, output}
        self._ended = False

    def run(self, token: bytes, seconds: float) -> str:
        """Pass records on.

        Returns:
            How it ended, as the body of the last record.
        """
        self._token = token
        deadline = time.monotonic() + seconds
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        while True:
            pid, status = os.waitpid(self._child, os.WNOHANG)
            self._drain()
            if self._finished():
                return '"done":true'
            if pid:
                return f'"exit":{os.waitstatus_to_exitcode(status)}'
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return '"timeout":true'
            select.select([*self._open, wake_read], [], [], remaining)

    def _finished(self) -> bool:
        return self._ended

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
        if not line.startswith(expected) or self._ended or self._bytes > _MOST_RECORD_BYTES:
            return
        self._count += 1
        kind, _, body = line[len(expected) :].partition(b" ")
        self._bytes += len(body)
        if kind == b"end":
            self._ended = True
            return
        if kind == b"check":
            self.send_tail()
        self._send(b'{"kind":"' + kind + b'",' + body + b"}")

    def send_tail(self) -> None:
        """Send what the solution printed last, when it is news."""
        if self._tail and self._tail != self._sent:
            self._sent = self._tail
            self._send(b'{"kind":"output","text":' + escape(self._tail.decode("utf-8", "replace")) + b"}")

    def _send(self, record: bytes) -> None:
        data = self._token + b" " + record + b"\n"
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


def _become_child(job: dict[str, Any], nonce: bytes, records: int, output: int) -> None:
    """Run the steps; nothing of the way out is left open here."""
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in (null, output):
        os.close(descriptor)
    with_tests = job["tests"] or job["acceptance"]
    modules = private.load(job["inside"], *(_WITH_TESTS if with_tests else _WITHOUT_TESTS))
    if with_tests:
        job["plan"] = vars(modules[-2])["Plan"]
    for name in ("harness", "records", "private"):
        sys.modules.pop(name, None)
    try:
        modules[-1].run(job, nonce, records)
    except BaseException:  # noqa: BLE001 - the relay notices that the end is missing
        os._exit(70)
    os._exit(0)


def load_all(folder: str) -> None:
    """Load what any run needs, in an interpreter that many runs will be forked from."""
    private.load(folder, *_WITH_TESTS)


def main() -> None:
    """Read the job, fork, relay. The token is read only after the fork, so the child never had it."""
    job: dict[str, Any] = marshal.loads(_read_exactly(int.from_bytes(_read_exactly(8), "big")))  # noqa: S302
    nonce = os.urandom(16).hex().encode()
    records_read, records_write = os.pipe()
    output_read, output_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(records_read)
        os.close(output_read)
        _become_child(job, nonce, records_write, output_write)
    os.close(records_write)
    os.close(output_write)
    for descriptor in (records_read, output_read):
        os.set_blocking(descriptor, False)
    token = _read_exactly(32)
    relay = Relay(child, records_read, output_read, nonce)
    relay.close(relay.run(token, job["seconds"]))
    # Nothing is left to do that would be worth an orderly end of the interpreter.
    os._exit(0)
