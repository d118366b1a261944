"""The real command line as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tests.forkserver import Forked
from tests.processes import PATIENCE_S

if TYPE_CHECKING:
    from tests.forkserver import ForkServer
    from tests.support import Lines

Process = subprocess.Popen[bytes] | Forked
OURS = ("DUOGRAPH_", "OPENAI_", "NO_COLOR", "FORCE_COLOR", "TTY_", "COLUMNS", "LINES", "PYTHON")
ON_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); import duograph; duograph.main()"
"""The process makes its terminal its own, so that Ctrl-C typed there becomes a signal."""


@dataclass(frozen=True)
class Done:
    """A process that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  # whatever was printed
        return json.loads(self.out)

    @property
    def json_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class CommandLine:
    """Starts `duograph` in `folder`, with a home of its own there.

    Attributes:
        folder: Where it runs.
        server: What forks it; without one each start is a new interpreter, as with `PYTHON…` variables.
        started: All processes so far.
    """

    folder: Path
    server: ForkServer | None = None
    started: list[Process] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        home = str(self.folder / "home")
        return clean | {"TERM": "xterm-256color", "DUOGRAPH_HOME": home, "TMPDIR": str(scratch)}

    def start(
        self,
        *words: str,
        env: dict[str, str] | None = None,
        stdin: int | IO[bytes] = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> Process:
        more = env or {}
        environment = self.environment | more
        process: Process
        if self.server is None or any(name.startswith("PYTHON") for name in more):
            is_terminal = isinstance(stdin, int) and stdin >= 0 and os.isatty(stdin)
            process = subprocess.Popen(
                [sys.executable, *(("-c", ON_TERMINAL) if is_terminal else ("-m", "duograph")), *words],
                cwd=self.folder,
                env=environment,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        else:
            process = self.server.start(
                *words, folder=self.folder, environment=environment, stdin=stdin, stdout=stdout, stderr=stderr
            )
        self.started.append(process)
        return process

    def run(self, *words: str, stdin: str | bytes = b"", env: dict[str, str] | None = None) -> Done:
        return finish(self.start(*words, env=env), stdin)

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def script(self, name: str, lines: Lines) -> str:
        return "scripted:" + self.write(f"{name}.jsonl", "".join(json.dumps(line) + "\n" for line in lines))

    def models(self, reasoning: Lines, coding: Lines | None = None) -> dict[str, str]:
        """Variables that make both roles replay these replies from their beginning."""
        return {
            "DUOGRAPH_REASONING_MODEL": self.script("reasoning", reasoning),
            "DUOGRAPH_CODING_MODEL": self.script("coding", coding or [{"content": "none"}]),
        }

    def kill_all(self) -> None:
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def finish(process: Process, stdin: str | bytes = b"") -> Done:
    data = stdin.encode() if isinstance(stdin, str) else stdin
    out, err = process.communicate(data if process.stdin else None, timeout=PATIENCE_S)
    return Done(process.wait(timeout=0), (out or b"").decode(), (err or b"").decode())


def lines(*values: object) -> str:
    """Each value as a line of JSON, and a text as it is."""
    return "".join((value if isinstance(value, str) else json.dumps(value)) + "\n" for value in values)
