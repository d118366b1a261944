"""Lists the network interfaces of a confined process: without a network there is at most the loopback."""

from __future__ import annotations

import _socket
import os


def main() -> None:
    """Print them on one line."""
    names = sorted(name for _, name in _socket.if_nameindex())
    os.write(1, f"interfaces={' '.join(names)}\n".encode())
