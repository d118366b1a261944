"""The filter's own logic, read back as the kernel would run it."""

import re
import struct
from pathlib import Path

import pytest

from sandbox.seccomp import filter_program

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOWED, REFUSED, UNKNOWN, KILLED = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000


def judge(program: bytes, audit: int, number: int, *arguments: int) -> int:
    """What the kernel does with a call: a small interpreter of classic BPF."""
    full = [value & 0xFFFFFFFFFFFFFFFF for value in (*arguments, *[0] * 6)][:6]
    data = struct.pack("=IIQ6Q", number, audit, 0, *full)
    steps = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    at = accumulator = 0
    while True:
        code, if_true, if_false, value = steps[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            accumulator &= value
        elif code == 0x06:
            return int(value)
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: accumulator & value}[code]
            at += if_true if holds else if_false


def numbers(machine: str) -> dict[str, int]:
    if not HEADERS[machine].exists():
        pytest.skip(f"{HEADERS[machine]} is not installed: apt-get install linux-libc-dev")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", HEADERS[machine].read_text())
    return {name: int(number) for name, number in found}


REFUSED_ALWAYS = [
    "socket", "bind", "connect", "listen", "ptrace", "process_vm_readv", "process_vm_writev",
    "pidfd_getfd", "add_key", "request_key", "keyctl", "bpf", "perf_event_open", "userfaultfd",
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "kexec_load", "init_module",
    "finit_module", "delete_module", "open_by_handle_at", "io_uring_setup", "inotify_add_watch",
    "fanotify_init", "memfd_create", "shmget", "semget", "msgget", "mq_open", "syslog", "fchown",
    "fchownat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "tkill", "kcmp",
]  # fmt: skip
BY_ARGUMENT = [
    ("kill", (-1, 9), REFUSED),
    ("kill", (4242, 9), ALLOWED),
    ("clone", (0x10000000,), REFUSED),  # a user namespace
    ("clone", (0x01200011,), ALLOWED),  # fork
    ("clone3", (0, 0), UNKNOWN),
    ("socketpair", (1, 1, 0), ALLOWED),  # stream
    ("socketpair", (1, 0o2004001, 0), ALLOWED),  # stream, non-blocking, closed on exec
    ("socketpair", (1, 2, 0), REFUSED),  # datagrams can be sent to any path
    ("socketpair", (1, 3, 0), REFUSED),  # raw, which the kernel takes for datagrams
    ("fcntl", (3, 8, 1), REFUSED),  # F_SETOWN
    ("fcntl", (3, 4, 0), ALLOWED),  # F_SETFL
    ("ioctl", (0, 0x5412, 0), REFUSED),  # TIOCSTI types into a terminal
    ("ioctl", (0, 0x5401, 0), ALLOWED),  # TCGETS, for isatty
    ("prlimit64", (4242, 7), REFUSED),
    ("prlimit64", (0, 7), ALLOWED),
    ("read", (0,), ALLOWED),
]
WITHOUT_NAMESPACE = [
    ("kill", (77, 9), REFUSED),
    ("kill", (-77, 9), REFUSED),
    ("rt_sigqueueinfo", (77, 9), REFUSED),
    ("tgkill", (77, 80, 9), REFUSED),
    ("pidfd_open", (77,), REFUSED),
    ("prlimit64", (77, 7), REFUSED),
    ("prlimit64", (0, 7), ALLOWED),
    ("sched_setaffinity", (77,), REFUSED),
    ("setpriority", (0, 77), REFUSED),
    ("setpriority", (2, 0), REFUSED),  # everything of the user
    ("setpriority", (0, 0), ALLOWED),
    ("ioprio_set", (1, 77), REFUSED),
    ("ioprio_set", (1, 0), ALLOWED),
]


@pytest.mark.parametrize("machine", HEADERS)
def test_calls_that_are_refused_whatever_they_ask(machine: str) -> None:
    calls = numbers(machine)
    for protected in ((), (77,)):
        program = filter_program(machine, protected)
        for name in REFUSED_ALWAYS:
            assert judge(program, AUDIT[machine], calls[name]) == REFUSED, name


@pytest.mark.parametrize("machine", HEADERS)
def test_calls_that_are_refused_for_what_they_ask(machine: str) -> None:
    calls = numbers(machine)
    program = filter_program(machine)
    for name, arguments, outcome in BY_ARGUMENT:
        assert judge(program, AUDIT[machine], calls[name], *arguments) == outcome, (name, arguments)
    program = filter_program(machine, (77,))
    for name, arguments, outcome in WITHOUT_NAMESPACE:
        assert judge(program, AUDIT[machine], calls[name], *arguments) == outcome, (name, arguments)


def test_calls_in_the_clothes_of_another_architecture_end_the_process() -> None:
    assert judge(filter_program("x86_64"), AUDIT["aarch64"], 0) == KILLED
    assert judge(filter_program("x86_64"), 0x40000003, 0) == KILLED  # 32 bits
    assert judge(filter_program("x86_64"), AUDIT["x86_64"], 0x40000000 + 41) == UNKNOWN  # x32


def test_an_architecture_without_a_table_has_no_filter() -> None:
    with pytest.raises(NotImplementedError, match="use x86_64 or aarch64"):
        filter_program("riscv64")
