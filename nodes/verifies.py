"""What nodes need of the sandbox."""

from collections.abc import Callable, Sequence
from typing import Protocol

from sandbox.evidence import Check, Evidence, SourceFile
from sandbox.options import Options


class Verifies(Protocol):
    """Runs code and says what that showed."""

    async def verify(  # noqa: PLR0913  # as the sandbox offers it
        self,
        files: Sequence[SourceFile],
        *,
        tests: str = "",
        acceptance: str = "",
        on_check: Callable[[Check], None] | None = None,
        seconds: float | None = None,
        options: Options | None = None,
    ) -> Evidence:
        """Climb the ladder and report each step, in at most `seconds`."""
        ...
