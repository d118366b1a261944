"""What a check found, and how checks are run: side by side, each with a time limit."""

from __future__ import annotations

import asyncio
import os
import time
import traceback
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from serving.text import one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        name: The check.
        status: `ok`, `warn` (works, but look at it) or `fail`.
        detail: What was seen, one line.
        advice: What to do, one sentence; empty when nothing needs to be done.
        seconds: How long the check took.
    """

    name: str
    status: Status
    detail: str
    advice: str = ""
    seconds: float = 0.0

    def as_object(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return asdict(self) | {"seconds": round(self.seconds, 3)}


@dataclass(frozen=True, slots=True)
class Check:
    """One check that is still to be run.

    Attributes:
        name: What its finding will be called.
        look: Does it.
        timeout_s: Seconds that it may take.
    """

    name: str
    look: Callable[[], Awaitable[Finding]]
    timeout_s: float

    async def run(self) -> Finding:
        """Do it; whatever goes wrong is a finding too."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.timeout_s):
                found = await self.look()
        except TimeoutError:
            found = Finding(
                self.name,
                "fail",
                f"did not end within {self.timeout_s:g} s",
                "Run `duograph doctor` again; when it stays, something hangs there.",
            )
        except Exception as error:  # noqa: BLE001  # the other checks go on
            if os.environ.get("DUOGRAPH_DEBUG", "0") not in {"", "0"}:
                traceback.print_exception(error)
            found = Finding(
                self.name,
                "fail",
                f"unexpected {type(error).__name__}",
                "This is a bug: run again with DUOGRAPH_DEBUG=1 and report what you see.",
            )
        return replace(
            found,
            detail=one_line(found.detail),
            advice=one_line(found.advice),
            seconds=time.monotonic() - started,
        )


def worst(findings: list[Finding]) -> Status:
    """The gravest status of all."""
    found = {finding.status for finding in findings}
    return "fail" if "fail" in found else "warn" if "warn" in found else "ok"
