"""A seccomp filter over what Landlock and nono's own filter leave open.

nono 0.16 refuses IP and exotic sockets but lets a process open an `AF_UNIX` socket and connect to
any path, such as a container engine's; here no socket can be made at all. `socketpair` stays, asyncio
needs it. The program is classic
BPF, see seccomp(2) and the kernel's Documentation/userspace-api/seccomp_filter.rst.
"""

import os
import struct

_ALLOW, _DENY_EPERM, _DENY_ENOSYS, _KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
_LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_OFFSET_NR, _OFFSET_ARCH, _OFFSET_ARG0 = 0, 4, 16
_NEW_NAMESPACES = 0x7E020000
_X32_BIT = 0x40000000

_SIGNALLING = ("kill", "tkill", "tgkill", "pidfd_open")
# Each row: the call, its number on x86_64, its number on aarch64.
_NUMBERS = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "pidfd_open": (434, 434),
    "socket": (41, 198),
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
    "prlimit64": (302, 261),
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
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
}
_REFUSED = tuple(name for name in _NUMBERS if name not in ("clone", "clone3", "prlimit64", *_SIGNALLING))
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""The audit name of an architecture, and its column in the table."""


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _deny_when(number: int, test: int, values: tuple[int, ...]) -> list[bytes]:
    """Refuse one call when its first argument matches any of the values."""
    body = [_step(_LOAD, _OFFSET_ARG0)]
    for value in values:
        body += [_step(test, value & 0xFFFFFFFF, 0, 1), _step(_RETURN, _DENY_EPERM)]
    body.append(_step(_RETURN, _ALLOW))
    return [_step(_JUMP_EQ, number, 0, len(body)), *body]


def filter_program(machine: str = "", protected: tuple[int, ...] = ()) -> bytes:
    """Build the filter for this machine.

    Args:
        machine: As `os.uname().machine` names it; empty for this one.
        protected: Processes that must not be signalled, where no PID namespace hides them.

    Raises:
        NotImplementedError: When the room knows no system call numbers for the architecture.
    """
    machine = machine or os.uname().machine
    if machine not in _ARCHITECTURES:
        raise NotImplementedError(f"no system call table for {machine}: use x86_64 or aarch64")
    audit, column = _ARCHITECTURES[machine]
    calls = {name: numbers[column] for name, numbers in _NUMBERS.items()}
    program = [_step(_LOAD, _OFFSET_ARCH), _step(_JUMP_EQ, audit, 1, 0), _step(_RETURN, _KILL)]
    program.append(_step(_LOAD, _OFFSET_NR))
    if machine == "x86_64":
        program += [_step(_JUMP_GE, _X32_BIT, 0, 1), _step(_RETURN, _DENY_ENOSYS)]
    # The C library falls back to clone, whose flags a filter can read.
    program += [_step(_JUMP_EQ, calls["clone3"], 0, 1), _step(_RETURN, _DENY_ENOSYS)]
    for name in _REFUSED:
        program += [_step(_JUMP_EQ, calls[name], 0, 1), _step(_RETURN, _DENY_EPERM)]
    program += _deny_when(calls["clone"], _JUMP_SET, (_NEW_NAMESPACES,))
    # Another process's limits, such as the judge's, are none of its business; 0 is the process itself.
    body = [_step(_LOAD, _OFFSET_ARG0), _step(_JUMP_EQ, 0, 1, 0), _step(_RETURN, _DENY_EPERM)]
    body.append(_step(_RETURN, _ALLOW))
    program += [_step(_JUMP_EQ, calls["prlimit64"], 0, len(body)), *body]
    # Process -1 means "everything I may signal".
    targets = (-1, *protected, *(-pid for pid in protected))
    for name in _SIGNALLING:
        program += _deny_when(calls[name], _JUMP_EQ, targets)
    program.append(_step(_RETURN, _ALLOW))
    return b"".join(program)
