"""What nodes need of the sandbox."""

from collections.abc import Callable, Sequence
from typing import Protocol

from sandbox.evidence import Check, Evidence, SourceFile


class Verifies(Protocol):
    """Runs code and says what that showed."""

    async def verify(
        self,
        files: Sequence[SourceFile],
        *,
        tests: str = "",
        acceptance: str = "",
        on_check: Callable[[Check], None] | None = None,
        seconds: float | None = None,
    ) -> Evidence:
        """Climb the ladder and report each step, in at most `seconds`."""
        ...
