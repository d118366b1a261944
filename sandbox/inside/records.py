"""Writing records; built of C functions and syntax only, so that patching a module changes nothing."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_CLIP = 600
_MOST_CASES = 300


def escape(text: str) -> bytes:
    """A JSON string, in ASCII."""
    parts = []
    for char in text:
        code = ord(char)
        if char in '"\\':
            parts.append("\\" + char)
        elif 32 <= code < 127:  # noqa: PLR2004 - printable ASCII
            parts.append(char)
        elif code < 0x10000:  # noqa: PLR2004 - the basic plane
            parts.append(f"\\u{code:04x}")
        else:
            code -= 0x10000
            parts.append(f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}")
    return f'"{"".join(parts)}"'.encode()


def clip(text: str, most: int = _CLIP) -> str:
    """Shorten the middle of a long text."""
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


class Report:
    """What the steps say: a step begins, a case is decided, a step ends, all is done."""

    def __init__(self, nonce: bytes, descriptor: int) -> None:
        """Write to `descriptor`; the nonce and the counter live in the closure alone."""
        self._write = _writer(nonce, descriptor)
        self.passed = 0
        self.failed = 0
        self._aside = 0
        self._first_failure = ""
        self._began = 0.0
        self._clock = time.perf_counter

    def begin(self, step: str) -> None:
        """A step begins."""
        self.passed = self.failed = self._aside = 0
        self._first_failure = ""
        self._began = self._clock()
        self._write(b"begin", b'"name":' + escape(step))

    def trying(self, name: str, key: str = "") -> None:  # noqa: ARG002 - for the report of a fork
        """A case begins; named when it never comes back."""
        self._write(b"trying", b'"name":' + escape(clip(name, 160)))

    def case(
        self,
        name: str,
        *,
        passed: bool,
        detail: str = "",
        key: str = "",  # noqa: ARG002 - for the report of a fork, which stands in for this one
        outside: bool = False,
    ) -> None:
        """A case is decided; `outside` when the solution's process had no part in it."""
        self.passed += passed is True
        self.failed += passed is not True
        if passed is not True and not self._first_failure:
            self._first_failure = detail or name
        if self.passed + self.failed <= _MOST_CASES or (passed is not True and self.failed <= _MOST_CASES):
            self._write(
                b"case",
                b'"name":%b,"passed":%b,"isolated":%b,"detail":%b'
                % (escape(clip(name, 160)), _bool(passed), _bool(outside), escape(clip(detail))),
            )

    def set_aside(self, key: str = "") -> None:  # noqa: ARG002 - the same
        """A generated case asserted nothing, which says nothing about the code."""
        self._aside += 1

    def skip(self, key: str) -> None:
        """A case is none, by what the tests' own source says: nothing to say."""

    def check(self, step: str, *, passed: bool, detail: str = "", required: bool = True) -> None:
        """A step ends."""
        self._write(
            b"check",
            b'"name":%b,"passed":%b,"required":%b,"duration_s":%.6f,"detail":%b'
            % (
                escape(step),
                _bool(passed),
                _bool(required),
                self._clock() - self._began,
                escape(clip(detail, 2000)),
            ),
        )

    def check_cases(self, step: str) -> bool:
        """A test step ends as its cases ended; without a case it has failed."""
        total = self.passed + self.failed
        if total == 0 and step == "acceptance":
            aside = "set aside: the generated tests hold no test"
            self.check(step, passed=False, detail=aside, required=False)
            return True
        if total == 0:
            self.check(
                step, passed=False, detail="no test was found: write assert statements or test functions"
            )
            return False
        aside = f", {self._aside} set aside in which no assertion ran" if self._aside else ""
        failures = f"{self.failed} of {total} failed: {self._first_failure}"
        detail = failures if self.failed else f"{total} passed{aside}"
        self.check(step, passed=self.failed == 0, detail=detail)
        return self.failed == 0

    @property
    def counts(self) -> tuple[object, ...]:
        """What was counted in the step so far, for `go_on` in another run."""
        elapsed = self._clock() - self._began
        return self.passed, self.failed, self._aside, self._first_failure, f"{elapsed:.6f}"

    def go_on(self, counts: tuple[Any, ...]) -> None:
        """Go on with a step that another run began."""
        self.passed, self.failed, self._aside, self._first_failure, elapsed = counts
        self._began = self._clock() - float(elapsed)

    def again(self, state: bytes) -> None:
        """The rest of the step needs a run of its own, which is to get `state`."""
        self._write(b"again", b'"state":"%b"' % state.hex().encode())

    def gone(self, how: str) -> None:
        """The solution's process is gone, and with it the rest."""
        self._write(b"gone", how.encode())

    def end(self) -> None:
        """All is done."""
        self._write(b"end", b"")


def _bool(value: object) -> bytes:
    return b"true" if value is True else b"false"


def _writer(nonce: bytes, descriptor: int) -> Callable[[bytes, bytes], None]:
    count = 0
    write, process, leave = os.write, os.getpid, os._exit
    owner = process()

    def send(kind: bytes, body: bytes) -> None:
        nonlocal count
        if process() != owner:
            # A fork that came back from the solution must not try an answer of its own.
            leave(70)
        data = b"%b %d %b %b\n" % (nonce, count, kind, body)
        count += 1
        while data:
            data = data[write(descriptor, data) :]

    return send
