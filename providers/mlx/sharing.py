"""One pool of engines for the whole process: two agents that name one model have it in memory once.

This is the one thing that agents of a process share, because memory is the one thing that they cannot each
have for themselves. Nothing is made at import: the first model that is wanted makes the pool, and it is gone
when the last agent that uses it is.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import Counter
from typing import TYPE_CHECKING

from providers.mlx.pool import EnginePool, MlxLimits

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from providers.mlx.engine import Engine
    from providers.mlx.files import ModelFiles

# By process, for a forked child has none of the threads that its parent's engines run on.
_pools: weakref.WeakValueDictionary[tuple[int, MlxLimits], EnginePool] = weakref.WeakValueDictionary()
_guard = threading.Lock()


def pool_of(limits: MlxLimits) -> EnginePool:
    """Return this process's pool with these limits; it lives as long as somebody holds it."""
    with _guard:
        return _pools.setdefault((os.getpid(), limits), EnginePool(limits))


class EngineShare:
    """What one user holds of the process's pool; closing it takes nothing from the others."""

    def __init__(self, limits: MlxLimits = MlxLimits()) -> None:  # noqa: B008 - it is frozen
        """Hold nothing yet.

        Args:
            limits: What the models may take; users with the same limits share a pool.
        """
        self.limits = limits
        self._pool: EnginePool | None = None
        self._leases: Counter[ModelFiles] = Counter()

    @property
    def pool(self) -> EnginePool:
        """The pool, joined at the first use."""
        if self._pool is None:
            self._pool = pool_of(self.limits)
            weakref.finalize(self, _leave, weakref.ref(self._pool), self._leases).atexit = False
        return self._pool

    def loaded(self) -> list[Path]:
        """Return the models of the whole pool that have an engine now, whoever wants them."""
        return [] if self._pool is None else self._pool.loaded()

    def lease(self, files: ModelFiles) -> None:
        """Say that a model is wanted; see `EnginePool.lease`."""
        self.pool.lease(files)
        self._leases[files] += 1

    async def release(self, files: ModelFiles) -> None:
        """Say that a model is wanted no longer; it is unloaded unless another user wants it."""
        if self._leases[files] > 0:
            self._leases[files] -= 1
            await self.pool.release(files)

    def using(self, files: ModelFiles) -> AbstractAsyncContextManager[Engine]:
        """Give the model's engine; see `EnginePool.using`."""
        return self.pool.using(files)

    async def aclose(self) -> None:
        """Release all that this user wanted; it can be used again."""
        for files in list(self._leases.elements()):
            await self.release(files)


def _leave(pool: weakref.ref[EnginePool], leases: Counter[ModelFiles]) -> None:
    left = pool()
    if left is not None:
        left.forget([files.folder for files in leases.elements()])
