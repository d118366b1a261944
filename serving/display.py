"""What shows progress: it stands on the terminal for as long as a block runs, or has nothing that moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType


class Display(Protocol):
    """A context manager for as long as there is something to show."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear what was only for the moment."""
        ...


class Still:
    """Nothing that moves: lines, if any, which stay."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Moving:
    """One of rich's displays, which is gone at the end."""

    def __init__(self, shown: AbstractContextManager[object]) -> None:
        """Show nothing yet.

        Args:
            shown: What begins and ends with the block.
        """
        self._shown = shown

    def __enter__(self) -> Self:
        self._shown.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown.__exit__(kind, error, trace)
