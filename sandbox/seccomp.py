"""A seccomp filter over what Landlock and nono's own filter leave open.

nono 0.16 refuses IP and exotic sockets but lets a process open an `AF_UNIX` socket and connect to
any path, such as a container engine's; here no socket can be made at all. A connected `socketpair` stays,
asyncio needs it; a pair of datagram sockets does not, since each of them can send to any path.

What Landlock does not look at is refused as well: watching folders for the names of files, memory that
no limit counts (memfd, System V), kernel objects that outlive their maker, owners and extended attributes
of files, and calls that act on a process by its number. The program is classic BPF, see seccomp(2) and
the kernel's Documentation/userspace-api/seccomp_filter.rst.
"""

import functools
import os
import struct
from collections.abc import Mapping, Sequence

_ALLOW, _DENY_EPERM, _DENY_ENOSYS, _KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
_LOAD, _AND, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_OFFSET_NR, _OFFSET_ARCH, _OFFSET_ARGUMENTS, _ARGUMENT_SIZE = 0, 4, 16, 8
_NEW_NAMESPACES = 0x7E020000
_X32_BIT = 0x40000000

_TYPE_OF_SOCKET, _STREAM, _SEQPACKET = 0xF, 1, 5
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_FIOSETOWN, _SIOCSPGRP, _TIOCSTI, _TIOCLINUX = 0x8901, 0x8902, 0x5412, 0x541C
_WHO_PROCESS, _IO_WHO_PROCESS = 0, 1

_SIGNALLING = ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open")
_STEERING = (
    "prlimit64",
    "sched_setaffinity",
    "sched_setattr",
    "sched_setparam",
    "sched_setscheduler",
)
"""Calls whose first argument is the process they change, 0 for the caller."""
# Each row: the call, its number on x86_64, its number on aarch64, which lacks a few.
_NUMBERS: dict[str, tuple[int, int | None]] = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "kill": (62, 129),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "fcntl": (72, 25),
    "ioctl": (16, 29),
    "socketpair": (53, 199),
    "socket": (41, 198),
    "bind": (49, 200),
    "listen": (50, 201),
    "connect": (42, 203),
    "tkill": (200, 130),
    "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "syslog": (103, 116),
    "kcmp": (312, 272),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "process_madvise": (440, 440),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "open_by_handle_at": (304, 265),
    "io_uring_setup": (425, 425),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
}
_BY_ARGUMENT = ("clone", "clone3", "setpriority", "ioprio_set", "fcntl", "ioctl", "socketpair")
_REFUSED = tuple(name for name in _NUMBERS if name not in (*_BY_ARGUMENT, *_SIGNALLING, *_STEERING))
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""The audit name of an architecture, and its column in the table."""


_INSTRUCTION = struct.Struct("=HBBI")


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return _INSTRUCTION.pack(code, if_true, if_false, value)


def _load_argument(position: int) -> bytes:
    # The lower half of the 64 bits: what is compared here are ints.
    return _step(_LOAD, _OFFSET_ARGUMENTS + _ARGUMENT_SIZE * position)


def _deny_when(number: int, test: int, values: Sequence[int], *, position: int = 0) -> list[bytes]:
    """Refuse one call when one of its arguments matches any of the values."""
    body = [_load_argument(position)]
    for value in values:
        body += [_step(test, value & 0xFFFFFFFF, 0, 1), _step(_RETURN, _DENY_EPERM)]
    body.append(_step(_RETURN, _ALLOW))
    return [_step(_JUMP_EQ, number, 0, len(body)), *body]


def _deny_unless(number: int, wanted: Mapping[int, int]) -> list[bytes]:
    """Refuse one call unless its arguments, by position, are the wanted ones."""
    body: list[bytes] = []
    for position, value in wanted.items():
        body += [_load_argument(position), _step(_JUMP_EQ, value, 1, 0), _step(_RETURN, _DENY_EPERM)]
    body.append(_step(_RETURN, _ALLOW))
    return [_step(_JUMP_EQ, number, 0, len(body)), *body]


def _only_connected_pairs(number: int) -> list[bytes]:
    body = [_load_argument(1), _step(_AND, _TYPE_OF_SOCKET)]
    for kind in (_STREAM, _SEQPACKET):
        body += [_step(_JUMP_EQ, kind, 0, 1), _step(_RETURN, _ALLOW)]
    body.append(_step(_RETURN, _DENY_EPERM))
    return [_step(_JUMP_EQ, number, 0, len(body)), *body]


@functools.lru_cache(maxsize=8)
def filter_program(machine: str = "", protected: tuple[int, ...] = ()) -> bytes:
    """Build the filter for this machine.

    Args:
        machine: As `os.uname().machine` names it; empty for this one.
        protected: Processes that must not be signalled, where no PID namespace hides them and others.

    Raises:
        NotImplementedError: When the room knows no system call numbers for the architecture.
    """
    machine = machine or os.uname().machine
    if machine not in _ARCHITECTURES:
        raise NotImplementedError(f"no system call table for {machine}: use x86_64 or aarch64")
    audit, column = _ARCHITECTURES[machine]
    calls = {name: number for name, row in _NUMBERS.items() if (number := row[column]) is not None}
    program = [_step(_LOAD, _OFFSET_ARCH), _step(_JUMP_EQ, audit, 1, 0), _step(_RETURN, _KILL)]
    program.append(_step(_LOAD, _OFFSET_NR))
    if machine == "x86_64":
        program += [_step(_JUMP_GE, _X32_BIT, 0, 1), _step(_RETURN, _DENY_ENOSYS)]
    # The C library falls back to clone, whose flags a filter can read.
    program += [_step(_JUMP_EQ, calls["clone3"], 0, 1), _step(_RETURN, _DENY_ENOSYS)]
    for name in filter(calls.get, _REFUSED):
        program += [_step(_JUMP_EQ, calls[name], 0, 1), _step(_RETURN, _DENY_EPERM)]
    program += _deny_when(calls["clone"], _JUMP_SET, (_NEW_NAMESPACES,))
    program += _only_connected_pairs(calls["socketpair"])
    # A descriptor's owner is sent a signal of one's choice, whoever it is.
    program += _deny_when(calls["fcntl"], _JUMP_EQ, (_F_SETOWN, _F_SETSIG, _F_SETOWN_EX), position=1)
    asked = (_FIOSETOWN, _SIOCSPGRP, _TIOCSTI, _TIOCLINUX)
    program += _deny_when(calls["ioctl"], _JUMP_EQ, asked, position=1)
    # Process -1 means "everything I may signal".
    targets = (-1, *protected, *(-pid for pid in protected))
    for name in _SIGNALLING:
        program += _deny_when(calls[name], _JUMP_EQ, targets)
    # Also within a run: its judge is another process.
    program += _deny_unless(calls[_STEERING[0]], {0: 0})
    if protected:
        program += _only_about_oneself(calls)
    program.append(_step(_RETURN, _ALLOW))
    return b"".join(program)


def _only_about_oneself(calls: Mapping[str, int]) -> list[bytes]:
    """Refuse to set limits and priorities of another process, which no Landlock rule forbids."""
    program: list[bytes] = []
    for name in _STEERING[1:]:
        program += _deny_unless(calls[name], {0: 0})
    program += _deny_unless(calls["setpriority"], {0: _WHO_PROCESS, 1: 0})
    return program + _deny_unless(calls["ioprio_set"], {0: _IO_WHO_PROCESS, 1: 0})
