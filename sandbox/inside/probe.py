"""Tries what a confined process must not be able to do, and says for each whether it could."""

from __future__ import annotations

import _socket
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def _read(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY))


def _write(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def _connect(family: int, kind: int, address: tuple[str, int]) -> None:
    made = _socket.socket(family, kind)
    try:
        if kind == _socket.SOCK_DGRAM:
            made.sendto(b"?", address)
        else:
            made.connect(address)
    finally:
        made.close()


def _bind_unix(path: str) -> None:
    made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        made.bind(path)
    finally:
        made.close()


def _outcome(attempt: Callable[..., None], *arguments: object) -> str:
    try:
        attempt(*arguments)
    except PermissionError:
        return "denied"
    except OSError as error:
        return f"errno {error.errno}"
    return "allowed"


def main(canary: str, beside: str, own: str, program: int) -> None:
    """Print one `name=outcome` line per attempt.

    Args:
        canary: A file outside the scratch folder.
        beside: A path outside the scratch folder that does not exist.
        own: A path in the scratch folder that does not exist.
        program: The process that started the probe.
    """
    four, six = ("127.0.0.1", 9), ("::1", 9)
    outcomes = {
        "read": _outcome(_read, canary),
        "write": _outcome(_write, beside),
        "signal": _outcome(os.kill, program, 0),
        "tcp": _outcome(_connect, _socket.AF_INET, _socket.SOCK_STREAM, four),
        "tcp6": _outcome(_connect, _socket.AF_INET6, _socket.SOCK_STREAM, six),
        "udp": _outcome(_connect, _socket.AF_INET, _socket.SOCK_DGRAM, four),
        "unix": _outcome(_bind_unix, f"{own}.socket"),
        "own": _outcome(_write, own),
    }
    os.write(1, "".join(f"{name}={outcome}\n" for name, outcome in outcomes.items()).encode())
