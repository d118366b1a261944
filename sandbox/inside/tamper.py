"""Ending the process when the solution reaches for the process's own means, by an audit hook."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def watch(folder: str, inside: str, report: Callable[[str], None]) -> None:
    """To be done."""
