"""The few Linux calls that the guard needs and Python 3.11 does not offer."""

from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LIBC = ctypes.CDLL(None, use_errno=True)
_SET_DEATH_SIGNAL, _BOUNDING_DROP, _AMBIENT, _AMBIENT_CLEAR = 1, 24, 47, 4
_SET_SUBREAPER, _NO_NEW_PRIVILEGES, _SET_SECCOMP, _SECCOMP_FILTER = 36, 38, 22, 2
_NEW_USER, _NEW_PID, _NEW_IPC = 0x10000000, 0x20000000, 0x08000000
_NEW_MOUNTS, _PRIVATE_TREE, _NO_EXTRAS = 0x20000, 0x44000, 0xE
_BIND, _MOUNTED_READ_ONLY = 0x1000, 1
# The same number on every processor; see mount_setattr(2), Linux 5.12.
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - mounted over
_CAPABILITY_VERSION = 0x20080522


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def die_with_parent(signal_number: int) -> None:
    """Ask for a signal when the parent dies."""
    _check(_LIBC.prctl(_SET_DEATH_SIGNAL, signal_number, 0, 0, 0), "parent death signal")


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies."""
    _check(_LIBC.prctl(_SET_SUBREAPER, 1, 0, 0, 0), "child subreaper")


def new_process_namespace() -> bool:
    """Give the next child a PID namespace, whose end the kernel makes the end of all its members.

    Returns:
        Whether the machine allows it; some distributions forbid user namespaces.
    """
    user, group = os.getuid(), os.getgid()
    if _LIBC.unshare(_NEW_PID | _NEW_IPC | (0 if user == 0 else _NEW_USER)) != 0:
        return False
    if user == 0:
        return True
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib costs 5 ms here
            file.write(text)
    return True


def private_shared_memory() -> bool:
    """Put an empty /dev/shm of our own over the machine's, for the locks and queues of multiprocessing.

    To be called in a namespace of our own; whatever is left there ends with it.

    Returns:
        Whether it is ours now; otherwise it must stay closed.
    """
    if _LIBC.unshare(_NEW_MOUNTS) != 0:
        return False
    if _LIBC.mount(None, b"/", None, _PRIVATE_TREE, None) != 0:
        return False
    return bool(
        _LIBC.mount(b"tmpfs", SHARED_MEMORY.encode(), b"tmpfs", _NO_EXTRAS, b"size=16m,mode=700") == 0
    )


def read_only_files(writable: Sequence[str]) -> bool:
    """Make all but the folders `writable` read-only and /proc empty, for this process and all it starts.

    Landlock looks neither at chmod and utime nor at pipes that are opened again through /proc. To be called
    in a namespace of our own.

    Returns:
        Whether the machine allows mounts; where it does not, Landlock stands alone.

    Raises:
        OSError: When it was begun and could not be finished.
    """
    if _LIBC.unshare(_NEW_MOUNTS) != 0 or _LIBC.mount(None, b"/", None, _PRIVATE_TREE, None) != 0:
        return False
    for path in writable:
        _check(_LIBC.mount(path.encode(), path.encode(), None, _BIND, None), "writable folder")
    _set_read_only("/", is_read_only=True, recursive=True)
    for path in writable:
        _set_read_only(path, is_read_only=False)
    _check(
        _LIBC.mount(b"none", b"/proc", b"tmpfs", _NO_EXTRAS | _MOUNTED_READ_ONLY, b"size=4k"), "empty /proc"
    )
    return True


def _set_read_only(path: str, *, is_read_only: bool, recursive: bool = False) -> None:
    wanted = (ctypes.c_uint64 * 4)(*((1, 0) if is_read_only else (0, 1)))
    flags = _AT_RECURSIVE if recursive else 0
    size = ctypes.sizeof(wanted)
    _check(_LIBC.syscall(_MOUNT_SETATTR, _AT_FDCWD, path.encode(), flags, wanted, size), "read-only mounts")


def drop_capabilities() -> None:
    """Give up every capability for good, so that root is no more than the owner of its files."""
    _LIBC.prctl(_AMBIENT, _AMBIENT_CLEAR, 0, 0, 0)
    capability = 0
    # A user without privileges has nothing to drop and is refused.
    while _LIBC.prctl(_BOUNDING_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _check(_LIBC.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def install_filter(program: bytes) -> None:
    """Install a seccomp filter on this process and all it starts."""
    _check(_LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new privileges")
    block = _FilterProgram(len(program) // 8, program)
    _check(_LIBC.prctl(_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(block), 0, 0), "seccomp filter")
