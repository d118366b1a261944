"""The pipes between a run and its guard."""

import contextlib
import os
import threading


class Clipped:
    """Keeps the first and the last of a stream within a limit."""

    def __init__(self, limit: int) -> None:
        """Keep at most `limit` bytes."""
        self._half = max(1, limit // 2)
        self._head = bytearray()
        self._tail = bytearray()
        self._lost = 0

    def add(self, piece: bytes) -> None:
        """Take one more piece."""
        room = self._half - len(self._head)
        self._head += piece[:room]
        self._tail += piece[room:] if room > 0 else piece
        excess = len(self._tail) - self._half
        if excess > 0:
            del self._tail[:excess]
            self._lost += excess

    def value(self) -> bytes:
        """What was kept, with a note where something is missing."""
        note = f"\n[{self._lost} bytes left out]\n".encode() if self._lost else b""
        return bytes(self._head) + note + bytes(self._tail)


class Control:
    """The pipe whose closing tells the guard to kill everything; safe to stop from any thread."""

    def __init__(self) -> None:
        """Open the pipe."""
        self.read, self._write = os.pipe()
        self._lock = threading.Lock()
        self._open = {self.read, self._write}

    def send(self, message: bytes) -> None:
        """Send the orders; nothing happens when the run was stopped before."""
        with self._lock, contextlib.suppress(BrokenPipeError):
            if self._write in self._open:
                os.write(self._write, message)

    def renew(self) -> bool:
        """Open another pipe for another guard.

        Returns:
            Whether there may be one: not when the run was stopped.
        """
        with self._lock:
            if self._write not in self._open:
                return False
            while self._open:
                os.close(self._open.pop())
            self.read, self._write = os.pipe()
            self._open = {self.read, self._write}
            return True

    def stop(self) -> None:
        """Tell the guard to kill everything."""
        self._close(self._write)

    def close_read(self) -> None:
        """Let go of the guard's end."""
        self._close(self.read)

    def _close(self, descriptor: int) -> None:
        with self._lock:
            if descriptor in self._open:
                self._open.remove(descriptor)
                os.close(descriptor)


class Wires:
    """The streams of a command and the status pipe of its guard, both ends of each."""

    def __init__(self) -> None:
        """Open them."""
        self._open: set[int] = set()
        try:
            self.theirs_in, self.stdin = self._pipe()
            self.stdout, self.theirs_out = self._pipe()
            self.stderr, self.theirs_err = self._pipe()
            self.status, self.theirs_status = self._pipe()
        except OSError:
            self.close(*self._open)
            raise

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._open.update(ends)
        return ends

    def close(self, *descriptors: int) -> None:
        """Close some ends, those that are open still."""
        for descriptor in descriptors:
            if descriptor in self._open:
                self._open.remove(descriptor)
                os.close(descriptor)

    def close_theirs(self) -> None:
        """Let go of the far ends, of which the guard has copies."""
        self.close(self.theirs_in, self.theirs_out, self.theirs_err, self.theirs_status)

    def wait_and_close(self) -> None:
        """Come back when the guard has ended, and with it all that it watched."""
        self.close_theirs()
        self.close(self.stdin, self.stdout, self.stderr)
        with contextlib.suppress(OSError):
            while os.read(self.status, 4096):
                pass
        self.close(self.status)
