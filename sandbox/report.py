"""Reading the harness's records into checks; whatever is missing has failed."""

import json
import signal
from collections.abc import Callable
from hmac import compare_digest
from typing import Any

from sandbox.evidence import Case, Check
from sandbox.inside.sealing import seal
from sandbox.protocol import Execution, Limits

_CLIP = 2000


def clip(text: str, most: int = _CLIP) -> str:
    """Shorten a long text in the middle."""
    return text if len(text) <= most else f"{text[: most // 2]}\n…\n{text[-most // 2 :]}"


class Reader:
    """Collects checks from records as they come."""

    def __init__(self, token: str, on_check: Callable[[Check], None]) -> None:
        """Believe only lines that the token seals, and all of them only in order."""
        self._key = token.encode()
        self._lines = 0
        self._on_check = on_check
        self._pending = b""
        self._cases: list[Case] = []
        self._open = ""
        self._trying = ""
        self._output = ""
        self._end: dict[str, Any] | None = None
        self.checks: list[Check] = []

    def feed(self, data: bytes) -> None:
        """Take the next piece of the harness's standard output."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            digest, _, record = line.partition(b" ")
            if self._end is None and compare_digest(digest, seal(self._key, self._lines, record)):
                self._lines += 1
                try:
                    self._take(json.loads(record))
                except (ValueError, KeyError, TypeError):
                    # A record that cannot be read leaves its step open, and an open step has failed.
                    self._end = {"broken": True, "exit": 0}

    def _take(self, record: dict[str, Any]) -> None:
        kind = record["kind"]
        if kind == "begin":
            self._open, self._trying, self._cases = record["name"], "", []
        elif kind == "trying":
            self._trying = record["name"]
        elif kind == "case":
            detail = record["detail"]
            self._cases.append(
                Case(
                    name=record["name"],
                    passed=record["passed"] is True,
                    isolated=record["isolated"] is True,
                    detail=detail,
                )
            )
        elif kind == "output":
            self._output = record["text"]
        elif kind == "end":
            self._end = record
        elif kind == "check":
            detail = record["detail"] if record["passed"] else self._with_output(record["detail"])
            self._add(
                Check(
                    name=record["name"],
                    passed=record["passed"] is True,
                    detail=detail,
                    duration_s=record["duration_s"],
                    required=record["required"],
                    isolated=record["isolated"],
                    shared=record["shared"],
                    cases=self._cases,
                )
            )
            self._open = ""

    def _add(self, check: Check) -> None:
        self.checks.append(check)
        self._on_check(check)

    def _with_output(self, detail: str) -> str:
        output = self._output.strip()
        return clip(f"{detail}\noutput: {clip(output, 1000)}" if output else detail)

    def finish(self, execution: Execution, limits: Limits) -> None:
        """Close what the run left open."""
        if self._end is not None and self._end.get("done"):
            return
        why = self._why(execution, limits)
        at = f" at {self._trying}" if self._trying and self._open else ""
        if self._trying and self._open not in ("", "import"):
            self._cases = [*self._cases, Case(name=self._trying, passed=False, detail=why)]
        detail = self._with_output(f"{why}{at}")
        # Between two steps the next one is what did not happen.
        name = self._open or ("parse" if not self.checks else "import")
        isolated = sum(case.isolated for case in self._cases)
        shared = len(self._cases) - isolated
        self._add(
            Check(name=name, passed=False, detail=detail, isolated=isolated, shared=shared, cases=self._cases)
        )

    def _why(self, execution: Execution, limits: Limits) -> str:
        if execution.timed_out or (self._end is not None and self._end.get("timeout")):
            return f"stopped after {limits.wall_s:g} s"
        if self._end is not None and self._end.get("tampered"):
            return "the solution's process sent what no solution sends"
        code = execution.exit_code if self._end is None else int(self._end["exit"])
        stderr = execution.stderr.decode("utf-8", "replace").strip()[-500:]
        tail = f": {stderr}" if stderr else ""
        if code == -signal.SIGXCPU or (code == -signal.SIGKILL and execution.duration_s >= limits.cpu_s):
            return f"used up its {limits.cpu_s} s of processor time{tail}"
        if code < 0:
            return f"the process was killed by {_signal_name(-code)} before it had finished{tail}"
        return f"the process exited with code {code} before it had finished{tail}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
