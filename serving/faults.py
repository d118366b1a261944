"""What went wrong, as one sentence and an exit code."""

from __future__ import annotations

from dataclasses import dataclass

from serving import exits

ROOMS = frozenset({"checkpoints", "graph", "memory", "nodes", "providers", "sandbox", "serving", "toolkit"})


class InputError(ValueError):
    """A file or an argument of the command line cannot be used; the message names it and the fix."""


class OutputError(OSError):
    """Standard output takes nothing more, because the disk is full or the like; the message says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as the user sees it.

    Attributes:
        kind: The name of its class.
        message: One sentence.
        exit_code: See `exits`.
    """

    kind: str
    message: str
    exit_code: int


def fault_of(error: Exception) -> Fault:
    """Describe `error`. The rooms' own exception classes speak to the user; all others are bugs."""
    kind = type(error).__name__
    if type(error).__module__.partition(".")[0] in ROOMS:
        return Fault(kind, str(error), exits.CRASHED if isinstance(error, OutputError) else exits.USAGE)
    told = f": {error}" if str(error) else ""
    return Fault(
        kind,
        f"unexpected {kind}{told} (run again with DUOGRAPH_DEBUG=1 for the traceback)",
        exits.CRASHED,
    )
