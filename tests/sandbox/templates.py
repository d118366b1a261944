"""The interpreters that runs are forked from, as `ps` tells of them."""

from __future__ import annotations

import asyncio
import os
import subprocess

from tests.processes import PATIENCE_S


def templates(parent: int) -> set[int]:
    """The templates that a program keeps."""
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,ppid=,args="], capture_output=True, check=True)
    rows = [line.split(maxsplit=2) for line in listing.stdout.decode().splitlines()]
    return {int(pid) for pid, owner, args in rows if int(owner) == parent and "import template" in args}


async def gone(pid: int) -> None:
    """Wait until a process has ended."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            await asyncio.sleep(0.02)
