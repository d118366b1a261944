"""Whether the database may be used in an event loop: as long as that was quick of late."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# What is done in an event loop shall take less than what one step of a graph does.
_LONG_S = 0.02
# On a busy machine anything takes long now and then; on a slow disk it does so again.
_LEFT_ALONE_S = 0.1
_MOST_LEFT_ALONE_S = 5.0


SHORT_ITEMS = 64
"""Values and items of lists that one read decodes in an event loop."""
SHORT_LOOK = 2_000
"""Items of a list that are looked at there, or copied."""
SHORT_BYTES = 256 * 1024
"""Bytes that one read or one commit handles there."""


class LongReadError(Exception):
    """What was to be read in an event loop takes longer than a moment."""


class Pace:
    """How long the last uses in an event loop took."""

    def __init__(self) -> None:
        """None was slow yet."""
        self._slow_until = 0.0
        self._left_alone_s = _LEFT_ALONE_S

    @property
    def is_quick(self) -> bool:
        """Whether none took long of late: a moment ago for the first, seconds ago after several in a row."""
        return time.monotonic() >= self._slow_until

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Note how long the body takes."""
        start = time.monotonic()
        try:
            yield
        finally:
            end = time.monotonic()
            if end - start > _LONG_S:
                self._slow_until = end + self._left_alone_s
                self._left_alone_s = min(2 * self._left_alone_s, _MOST_LEFT_ALONE_S)
            else:
                self._left_alone_s = _LEFT_ALONE_S
