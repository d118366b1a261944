"""Keeps the turns of several processes on one session file apart: byte locks of the operating system."""

from __future__ import annotations

import hashlib
import os
import random
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Protocol

from checkpoints.faults import unmakeable

if sys.platform != "win32":
    import fcntl

_BYTES = 1 << 60
_OWN_LOCKS = sys.platform.startswith("linux")
_POLL_S = 0.02
"""Mean pause between two looks at a lock that another process holds: the system tells nobody when it ends."""


class ProcessLocks(Protocol):
    """Locks by thread id that other processes see, and that end with the process that holds them.

    Within one process the caller asks for one thread at a time once only; `ThreadLocks` sees to that.
    """

    def try_hold(self, thread_id: str) -> bool:
        """Take the thread's lock, or say that another process has it; may block for a moment.

        Raises:
            DatabaseError: When the locks cannot be reached.
        """
        ...

    def leave(self, thread_id: str) -> None:
        """Give the thread's lock back; returns at once."""
        ...

    def wait(self, thread_id: str) -> None:
        """Let other processes see that somebody waits here for the thread."""
        ...

    def stop_waiting(self, thread_id: str) -> None:
        """Take back what `wait` said."""
        ...

    def is_wanted(self, thread_id: str) -> bool:
        """Whether another process waits for the thread."""
        ...


class Hold:
    """One thread's lock among processes, from the first try to the end of the turn."""

    def __init__(self, processes: ProcessLocks | None, thread_id: str) -> None:
        """Note what to lock; without other processes it is held at once."""
        self._processes = processes
        self._thread_id = thread_id
        self._waits = False
        self.is_held = processes is None

    def first_try(self, until: float | None) -> float | None:
        """Take the lock unless somebody else has it, or waited for it before us.

        Returns:
            Seconds to pause before `next_try`; None when there is nothing more to try.
        """
        if self._processes is None:
            return None
        hurried = until is not None and until <= time.monotonic()
        if hurried or not self._processes.is_wanted(self._thread_id):
            self.is_held = self._processes.try_hold(self._thread_id)
        if self.is_held or hurried:
            return None
        self._waits = True
        self._processes.wait(self._thread_id)
        return _pause(until)

    def next_try(self, until: float | None) -> float | None:
        """Take the lock unless somebody else has it; returns as `first_try`."""
        if self._processes is None:
            return None
        self.is_held = self._processes.try_hold(self._thread_id)
        if self.is_held or (until is not None and until <= time.monotonic()):
            self._stop_waiting()
            return None
        return _pause(until)

    def leave(self) -> None:
        """Give back what is held, and wait no more."""
        self._stop_waiting()
        if self._processes is not None and self.is_held:
            self.is_held = False
            self._processes.leave(self._thread_id)

    def _stop_waiting(self) -> None:
        if self._waits and self._processes is not None:
            self._waits = False
            self._processes.stop_waiting(self._thread_id)


class FileLocks:
    """Locks on bytes of a file beside the session file, two for each thread: who holds it, and who waits.

    The operating system drops them when a process ends, however it ends, so none is ever left behind.
    On Linux they are bound to our open file (OFD locks), so that no other part of the program can lose them
    by closing the same file. The file stays empty. When somebody removes it, the next look makes it again
    and takes there what is held; so all who look afterwards look at the same file.
    """

    def __init__(self, path: str) -> None:
        """Note where the file is; it is made at the first turn."""
        self._path = Path(path)
        self._guard = threading.RLock()
        self._file: int | None = None
        self._kinds: dict[int, int] = {}  # what is locked there
        self._process = os.getpid()

    def try_hold(self, thread_id: str) -> bool:
        """See `ProcessLocks`."""
        return self._lock(_byte(thread_id), exclusive=True)

    def leave(self, thread_id: str) -> None:
        """See `ProcessLocks`."""
        self._unlock(_byte(thread_id))

    def wait(self, thread_id: str) -> None:
        """See `ProcessLocks`."""
        self._lock(_byte(thread_id) + 1, exclusive=False)

    def stop_waiting(self, thread_id: str) -> None:
        """See `ProcessLocks`."""
        self._unlock(_byte(thread_id) + 1)

    def is_wanted(self, thread_id: str) -> bool:
        """See `ProcessLocks`."""
        byte = _byte(thread_id) + 1
        if not self._lock(byte, exclusive=True):
            return True
        self._unlock(byte)
        return False

    def _lock(self, byte: int, *, exclusive: bool) -> bool:
        kind = fcntl.F_WRLCK if exclusive else fcntl.F_RDLCK
        self._forget_our_parents()
        with self._guard:
            while True:
                file = self._open()
                if not _is_set(file, kind, byte):
                    return False
                if self._is_there(file):
                    self._kinds[byte] = kind
                    return True
                # Removed since it was opened: a lock on it keeps nobody out.

    def _unlock(self, byte: int) -> None:
        self._forget_our_parents()
        with self._guard:
            self._kinds.pop(byte, None)
            if self._file is not None:
                _set(self._file, fcntl.F_UNLCK, byte)

    def _forget_our_parents(self) -> None:
        """A lock of the process that we were forked from would be ours as well."""
        if self._process == os.getpid():
            return
        inherited, self._file, self._kinds = self._file, None, {}
        self._process, self._guard = os.getpid(), threading.RLock()
        if inherited is not None:
            os.close(inherited)

    def _open(self) -> int:
        """The file that lies there now, with all that we hold locked in it."""
        if self._file is not None and self._is_there(self._file):
            return self._file
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unmakeable(error, self._path) from error
        for byte, kind in self._kinds.items():
            _is_set(
                file, kind, byte
            )  # whoever was faster has it; our turn is the older one and ends by itself
        removed, self._file = self._file, file
        if removed is not None:
            os.close(removed)
        return file

    def _is_there(self, file: int) -> bool:
        """Whether an open file is the one that everybody finds."""
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False
        except OSError as error:
            raise unmakeable(error, self._path) from error

    def __del__(self) -> None:
        """Close the file with the last who knew of it."""
        if self._file is not None:
            os.close(self._file)


def file_locks(path: str) -> FileLocks | None:
    """The locks beside a session file; None on Windows, where processes are not kept apart."""
    return None if sys.platform == "win32" else FileLocks(f"{path}-locks")


def _byte(thread_id: str) -> int:
    """The first of a thread's two bytes; threads that share one, as good as never, wait for each other."""
    digest = hashlib.blake2b(thread_id.encode(), digest_size=8).digest()
    return 2 * (int.from_bytes(digest) % _BYTES)


def _is_set(file: int, kind: int, byte: int) -> bool:
    """Lock a byte, or say that another process has it."""
    try:
        _set(file, kind, byte)
    except (BlockingIOError, PermissionError):  # POSIX leaves the choice between the two
        return False
    return True


def _set(file: int, kind: int, byte: int) -> None:
    if _OWN_LOCKS:
        # struct flock: type, whence, start, length, process (0 for these locks), and padding.
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0))
        return
    names = {fcntl.F_WRLCK: fcntl.LOCK_EX, fcntl.F_RDLCK: fcntl.LOCK_SH, fcntl.F_UNLCK: fcntl.LOCK_UN}
    free = kind == fcntl.F_UNLCK
    fcntl.lockf(file, names[kind] | (0 if free else fcntl.LOCK_NB), 1, byte)


def _pause(until: float | None) -> float:
    """Seconds until the next try, by chance, so that all who wait have the same."""
    pause = random.uniform(0.5, 1.5) * _POLL_S  # noqa: S311  # no secret
    return pause if until is None else max(0.0, min(pause, until - time.monotonic()))
