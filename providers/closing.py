"""What a program may close by name, with `with` or with `async with`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Closing(ABC):
    """Is closed at the end of a `with` or an `async with`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything that was opened."""

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of everything that was opened; see `close`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
