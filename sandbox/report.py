"""Reading the harness's records into checks; whatever is missing has failed."""

import json
import re
import signal
from collections.abc import Callable
from hmac import compare_digest
from typing import Any

from sandbox.evidence import Case, Check
from sandbox.inside.sealing import seal
from sandbox.protocol import Execution, Limits

_CLIP = 2000
# What no terminal, model, database or JSON may get from untrusted code: control characters, half letters
# (surrogates), and marks that turn the direction of writing. See Boucher and Anderson, "Trojan Source", 2021.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_CLIP_OUTPUT = 1000
_RUNS_NOTHING = ("parse", "compile")


def clip(text: str, most: int = _CLIP) -> str:
    """Shorten a long text in the middle."""
    return text if len(text) <= most else f"{text[: most // 2]}\n…\n{text[-most // 2 :]}"


def visible(text: str) -> str:
    """The text with whatever cannot be seen or stored written as an escape, as Python's own repr does."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), lines)


class Reader:
    """Collects checks from records as they come."""

    def __init__(self, on_check: Callable[[Check], None]) -> None:
        """Tell `on_check` of each check."""
        self._on_check = on_check
        self._key = b""
        self._lines = 0
        self._pending = b""
        self._cases: list[Case] = []
        self._open = ""
        self._trying = ""
        self._output = ""
        self._end: dict[str, Any] | None = None
        self.checks: list[Check] = []
        self.cut = False
        """Whether the last check is of a step in which the process ended."""
        self.again = b""
        """What another run has to be given to go on with the open step."""

    def expect(self, token: str) -> None:
        """Begin to read a run: believe only lines that its token seals, and all of them only in order."""
        self._key, self._lines, self._pending = token.encode(), 0, b""
        self._end, self.again = None, b""

    def feed(self, data: bytes) -> None:
        """Take the next piece of the harness's standard output."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            digest, _, record = line.partition(b" ")
            if self._end is None and compare_digest(digest, seal(self._key, self._lines, record)):
                self._lines += 1
                try:
                    self._take(json.loads(record))
                except (ValueError, KeyError, TypeError, AttributeError):
                    # A record that cannot be read leaves its step open, and an open step has failed.
                    self._end = {"broken": True, "exit": 0}

    def _take(self, record: dict[str, Any]) -> None:
        kind = record["kind"]
        if kind == "begin":
            self._open, self._trying, self._cases = record["name"], "", []
        elif kind == "trying":
            self._trying = visible(record["name"])
        elif kind == "case":
            name, detail = visible(record["name"]), visible(record["detail"])
            passed, isolated = record["passed"] is True, record["isolated"] is True
            self._cases.append(Case(name=name, passed=passed, isolated=isolated, detail=detail))
        elif kind == "again":
            self.again = bytes.fromhex(record["state"])
        elif kind == "output":
            self._output = visible(record["text"])
        elif kind == "end":
            self._end = record
        elif kind == "check":
            self._add(
                Check(
                    name=record["name"],
                    passed=record["passed"] is True,
                    detail=visible(record["detail"]),
                    duration_s=record["duration_s"],
                    required=record["required"],
                    output=self._printed(record["name"]),
                    cases=self._cases,
                )
            )
            self._open = ""

    def _add(self, check: Check) -> None:
        self.checks.append(check)
        self._on_check(check)

    def _printed(self, step: str) -> str:
        """The last of what was printed; output comes by a way of its own and may be ahead of a step."""
        return "" if step in _RUNS_NOTHING else clip(self._output.strip(), _CLIP_OUTPUT)

    def finish(self, execution: Execution, limits: Limits) -> None:
        """Close what the run left open."""
        if self._end is not None and self._end.get("done"):
            return
        if not self._open and self.checks and self.checks[-1].required and not self.checks[-1].passed:
            return  # nobody climbs on after a failed step, so nothing but the end was still to come
        why = self._why(execution, limits)
        at = f" at {self._trying}" if self._trying and self._open else ""
        if self._trying and self._open not in ("", "import"):
            self._cases = [*self._cases, Case(name=self._trying, passed=False, detail=why)]
        # Between two steps the next one is what did not happen.
        name = self._open or ("parse" if not self.checks else "import")
        self.cut = True
        self._add(
            Check(
                name=name,
                passed=False,
                detail=clip(f"{why}{at}"),
                exit_code=self._exit_code(execution),
                output=self._printed(name),
                cases=self._cases,
            )
        )

    def _exit_code(self, execution: Execution) -> int | None:
        """How the process ended that stopped in the middle; the relay's own end only stands in for it."""
        if self._end is None:
            return execution.exit_code
        code = self._end.get("exit")
        return code if isinstance(code, int) and not self._end.get("broken") else None

    def _why(self, execution: Execution, limits: Limits) -> str:
        if execution.timed_out or (self._end is not None and self._end.get("timeout")):
            return f"stopped after {limits.wall_s:g} s"
        if self._end is not None and self._end.get("tampered"):
            return "the solution's process sent what no solution sends"
        code = execution.exit_code if self._end is None else int(self._end["exit"])
        stderr = visible(execution.stderr.decode("utf-8", "replace")).strip()[-500:]
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
