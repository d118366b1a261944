"""Imports mlx-lm without letting it lower how many files this process may open."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_GUARD = threading.Lock()


@contextmanager
def open_file_limit_kept() -> Iterator[None]:
    """Make `resource.setrlimit` leave the number of open files alone, for this thread and this moment.

    `import mlx_lm` sets 2048, and 4096 as the most that may ever be asked for again, which nobody but root
    could take back afterwards; where the limits are lower already, it fails.
    """
    import resource  # noqa: PLC0415 - there is none on Windows

    here = threading.get_ident()
    with _GUARD:
        original = resource.setrlimit

        def setrlimit(kind: int, limits: tuple[int, int], /) -> None:
            if kind != resource.RLIMIT_NOFILE or threading.get_ident() != here:
                original(kind, limits)

        replaced: Any = resource
        replaced.setrlimit = setrlimit
        try:
            yield
        finally:
            replaced.setrlimit = original
