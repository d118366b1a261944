"""One command for the guard, and the message that says so."""

import marshal
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.interpreter import InsideCommand
from sandbox.protocol import Limits

OnStdout = Callable[[bytes], None]

STAND_IN = 0x3FFF_FFFF
"""Stands for the guard's process number until the guard puts it in; no process can have this one."""


@dataclass(frozen=True, slots=True)
class Task:
    """One command for the guard.

    Attributes:
        command: Program and arguments.
        folder: Working directory and scratch.
        limits: What it may use.
        env: The whole environment.
        stdin: What the command reads.
        on_stdout: Hears each piece of output.
        namespace: Whether the guard makes a PID namespace if it can.
        rules: What nono must apply, or None when the command confines itself.
        filters: Builds the two seccomp programs from the processes that must not be signalled.
    """

    command: Sequence[str]
    folder: Path
    limits: Limits
    env: Mapping[str, str]
    stdin: bytes
    on_stdout: OnStdout | None
    namespace: bool
    rules: Mapping[str, object] | None
    filters: Callable[[tuple[int, ...]], tuple[bytes, bytes]]

    @property
    def package(self) -> str:
        """Where nono-py is, or nothing when the run does without it."""
        return str(self.rules["package"]) if self.rules else ""

    def _script(self) -> tuple[str, tuple[int | str, ...]] | None:
        """The script of ours that needs no interpreter of its own; elsewhere a fork alone is not safe."""
        command = self.command
        if sys.platform == "linux" and self.rules and isinstance(command, InsideCommand):
            return command.script, command.arguments
        return None

    def orders(self, template: int) -> bytes:
        """The message to the guard; nobody may signal it, its template and us."""
        closed, opened = self.filters((STAND_IN, template, os.getpid()))
        limits = self.limits
        message = marshal.dumps(
            {
                "command": list(self.command),
                "script": self._script(),
                "folder": str(self.folder),
                "env": dict(self.env),
                "wall_s": float(limits.wall_s),
                "processes": limits.processes,
                "rlimits": {
                    "cpu_s": limits.cpu_s,
                    "memory_mb": limits.memory_mb,
                    "file_mb": limits.file_mb,
                    "open_files": limits.open_files,
                },
                "namespace": self.namespace,
                "rules": self.rules,
                "filter": closed,
                "filter_open": opened,
                "stand_in": STAND_IN,
            }
        )
        return len(message).to_bytes(8, "big") + message
