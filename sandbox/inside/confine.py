"""Becoming the confined command: limits, nono's rules, our own filter, then exec or one of our scripts."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from sandbox.inside import kernel
else:
    import kernel

LINUX = sys.platform == "linux"
_MIB = 1 << 20
MOST_DESCRIPTORS = 1024
"""What the template allows itself, so that closing all of them is quick on every system."""


def become(orders: Mapping[str, Any], *, namespaced: bool) -> Callable[[], None]:
    """Confine this process as ordered and turn it into the command.

    Returns:
        Only for one of our own scripts, which needs no other interpreter: what to call. Everything else is
        executed in place of this program.
    """
    os.setsid()
    os.umask(0o077)
    if LINUX and namespaced and orders["rules"] is not None:
        kernel.read_only_files(orders["rules"]["writable"])
    os.chdir(orders["folder"])
    signal.set_wakeup_fd(-1)
    # Python ignores the last two at its start and so does a script of ours; others get the default.
    unset = (signal.SIGCHLD,) if orders["script"] else (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ)
    for number in unset:
        signal.signal(number, signal.SIG_DFL)
    command = _with_descriptors(orders)
    script = _prepare(orders)
    if orders["rules"] is not None:
        _apply_rules(orders["rules"])
    # The kernel counts per user; only in a user namespace of its own are those the run's processes alone.
    own_user = namespaced and os.getuid() != 0
    _set_limits(orders["rlimits"], processes=orders["processes"] if own_user else None)
    if LINUX and orders["rules"] is not None:
        kernel.drop_capabilities()
        kernel.install_filter(orders["filter"] if namespaced else orders["filter_open"])
    if script is None:
        os.execve(command[0], command, orders["env"])  # noqa: S606 - running a command is the purpose
    # As an exec would: the end of our pipe tells the guard that all of the above was done.
    close_from(3)
    return script


def _prepare(orders: Mapping[str, Any]) -> Callable[[], None] | None:
    """Make an ordered script of ours ready to be called in an environment of its own."""
    if not orders["script"]:
        return None
    name, arguments = orders["script"]
    main = __import__(name).main
    os.environ.clear()
    os.environ.update(orders["env"])
    return lambda: main(*arguments)


def close_from(lowest: int) -> None:
    """Close every descriptor from `lowest` on."""
    os.closerange(lowest, MOST_DESCRIPTORS)


def _with_descriptors(orders: Mapping[str, Any]) -> list[str]:
    """Put the filter program on a descriptor for a backend that installs it by itself."""
    if "{filter}" not in orders["command"]:
        return list(orders["command"])
    read, write = os.pipe()
    os.write(write, orders["filter"])
    os.close(write)
    os.set_inheritable(read, True)  # noqa: FBT003 - positional only
    return [str(read) if part == "{filter}" else part for part in orders["command"]]


def _set_limits(limits: Mapping[str, int], *, processes: int | None) -> None:
    """Set the limits that the kernel keeps per process."""
    cpu = limits["cpu_s"]
    wanted = {
        resource.RLIMIT_CORE: (0, 0),
        # The soft limit can be caught, the second above it cannot.
        resource.RLIMIT_CPU: (cpu, cpu + 1),
        resource.RLIMIT_FSIZE: (limits["file_mb"] * _MIB,) * 2,
        resource.RLIMIT_NOFILE: (limits["open_files"],) * 2,
        resource.RLIMIT_AS: (limits["memory_mb"] * _MIB,) * 2,
    }
    if processes is not None:
        wanted[resource.RLIMIT_NPROC] = (processes, processes)
    for kind, (soft, hard) in wanted.items():
        most = resource.getrlimit(kind)[1]
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)  # noqa: PLW2901 - never above what we have
        try:
            resource.setrlimit(kind, (soft, hard))
        except (OSError, ValueError):
            # macOS knows RLIMIT_AS by name only.
            if LINUX:
                raise


def load_nono(folder: str) -> Any:  # noqa: ANN401 - a compiled module without types here
    """Import the compiled part of nono-py from its folder."""
    # The package's own __init__ imports its audit tools, 200 ms that are of no use here.
    package = type(sys)("nono_py")
    package.__path__ = [folder]
    sys.modules["nono_py"] = package
    from nono_py import _nono_py as nono  # noqa: PLC0415 - only this backend has it

    return nono


def _apply_rules(rules: Mapping[str, Any]) -> None:
    """Apply nono's rules: Landlock and seccomp on Linux, Seatbelt on macOS."""
    nono = load_nono(rules["package"])
    allowed = nono.CapabilitySet()
    for folder in rules["folders"]:
        allowed.allow_path(folder, nono.AccessMode.READ)
    for file in rules["files"]:
        allowed.allow_file(file, nono.AccessMode.READ)
    allowed.allow_file("/dev/null", nono.AccessMode.READ_WRITE)
    for folder in rules["writable"]:
        allowed.allow_path(folder, nono.AccessMode.READ_WRITE)
    allowed.block_network()
    if LINUX:
        nono.apply_seccomp(allowed)
    else:
        nono.apply(allowed)
