"""The template: an interpreter with our own scripts loaded, which forks a guard for each run.

Starting an interpreter and importing takes longer than all the rest of a small run. So one process does it
once, and has always one fork of itself waiting for the next run. It hears nothing but that its fork was
taken: a solution, tests, a token, the orders and even the descriptors of a run reach only that fork, which
confines what it starts and is no longer the template's business. Both end when the socket to the program
closes.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import _socket
import gc
import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from sandbox.inside import confine, guard, tree
else:
    import confine
    import guard
    import tree

_DESCRIPTORS = 5
"""Standard input, output and error of the command, the control pipe and the status pipe of the guard."""
_SIZE = 4
_OWN = ("template", "guard", "confine", "kernel", "tree")
_UNSEEN = ("ctypes", "_ctypes", "ctypes._endian", "nono_py", "nono_py._nono_py")
"""What only we need; a solution that wants it imports it itself."""


def main(requests: int, package: str) -> None:
    """Keep a guard ready for the next request on a socket.

    Args:
        requests: The socket's descriptor.
        package: Where nono-py is, if runs are confined by it.
    """
    requests = _lowest(requests)
    signal.signal(signal.SIGCHLD, _reap)
    scripts_wait = bool(package) and confine.LINUX
    if scripts_wait:
        confine.load_nono(package)
    while True:
        taken, take = os.pipe()
        if os.fork() == 0:
            _be_guard(requests, take)
        os.close(take)
        # A guard that ends without a word had no program to serve, or could not live.
        if not os.read(taken, 1):
            os._exit(0)
        os.close(taken)
        if scripts_wait:
            # The first run is a probe as a rule; while it goes on there is time.
            scripts_wait = False
            _load_scripts()


def _lowest(descriptor: int) -> int:
    """Move a descriptor below the bound that all others get, too."""
    low = os.dup(descriptor)
    os.close(descriptor)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    allowed = confine.MOST_DESCRIPTORS
    if most != resource.RLIM_INFINITY:
        allowed = min(allowed, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return low


def _reap(*_: object) -> None:
    """The program sees the end of a guard on its status pipe; here it is reaped, so that its time counts."""
    with tree.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _load_scripts() -> None:
    """Load what a verification needs, and keep the collector from touching, and so copying, its pages."""
    import harness  # type: ignore[import-not-found]  # noqa: PLC0415

    harness.load_all(os.path.dirname(__file__))  # noqa: PTH120 - pathlib costs 5 ms here
    gc.collect()
    gc.freeze()


def _be_guard(requests: int, take: int) -> NoReturn:
    """Wait for a run and be its guard, and in its confined child the script that was ordered."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status = 1
    try:
        descriptors = _receive(requests)
        os.write(take, b"+")
        # From here on the end of the template's session is not ours.
        os.setsid()
        script = guard.main(*_arrange(descriptors))
        if script is None:
            os._exit(0)
        _forget()
        script()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - whatever it is, nothing may return into the loop
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    os._exit(status)


def _receive(requests: int) -> list[int]:
    """Wait for a request; the end of the program is the end of us."""
    socket = _socket.socket(fileno=requests)
    flags = getattr(_socket, "MSG_CMSG_CLOEXEC", 0)
    data, ancillary, _, _ = socket.recvmsg(1, _socket.CMSG_SPACE(_DESCRIPTORS * _SIZE), flags)
    socket.detach()
    descriptors = [
        int.from_bytes(packed[start : start + _SIZE], sys.byteorder)
        for _, _, packed in ancillary
        for start in range(0, len(packed), _SIZE)
    ]
    if not data or len(descriptors) != _DESCRIPTORS:
        os._exit(0)
    return descriptors


def _arrange(descriptors: list[int]) -> tuple[int, int]:
    """Put the command's streams in their place, and leave open nothing else but the two pipes.

    Returns:
        The control pipe and the status pipe.
    """
    *streams, control, status = descriptors
    # All lie above the standard streams and our socket, so that none overwrites another.
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    low = 3
    for descriptor in sorted((control, status)):
        os.closerange(low, descriptor)
        low = descriptor + 1
    confine.close_from(low)
    return control, status


def _forget() -> None:
    """Leave in the modules what an interpreter of its own would have there."""
    for name in (*_OWN, *_UNSEEN):
        sys.modules.pop(name, None)
    sys.modules["__main__"] = type(sys)("__main__")
