"""Keeps engines: a model is loaded once for all who want it, and the oldest idle one makes room."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from providers.protocol import ModelConfigError, ModelError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from providers.mlx.engine import Engine
    from providers.mlx.files import ModelFiles

_SHARE = 0.7
"""The share of the machine's memory that weights may take; the rest is for prompts and everything else."""

_GIB = 2**30


@dataclass(frozen=True, slots=True)
class MlxLimits:
    """What models in this process may take of its memory.

    Attributes:
        memory_gb: Gigabytes (of 2**30 bytes) for the weights of all models together; None is seven tenths of
            the machine's memory.
        prompt_cache_gb: Gigabytes of each model for prompts that it has read; 0 keeps none.
    """

    memory_gb: float | None = None
    prompt_cache_gb: float = 2.0

    def __post_init__(self) -> None:
        if self.memory_gb is not None and not self.memory_gb > 0:
            raise ModelConfigError(f"mlx_memory_gb is {self.memory_gb:g}; it must be more than 0.")
        if not self.prompt_cache_gb >= 0:
            raise ModelConfigError(f"mlx_prompt_cache_gb is {self.prompt_cache_gb:g}; it must be 0 or more.")


@dataclass(slots=True)
class _Place:
    engine: Engine
    weight_bytes: int
    users: int = 0
    used: int = 0


class EnginePool:
    """Engines by model folder, for every event loop and thread of a program."""

    def __init__(self, limits: MlxLimits = MlxLimits()) -> None:
        """Start empty.

        Args:
            limits: What the models may take.
        """
        self._limits = limits
        self._guard = threading.Lock()
        self._places: dict[Path, _Place] = {}
        self._leases: dict[Path, int] = {}
        self._clock = 0

    @property
    def limit_bytes(self) -> int:
        """What the weights of all models may take together."""
        if self._limits.memory_gb is not None:
            return int(self._limits.memory_gb * _GIB)
        return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * _SHARE)

    def loaded(self) -> list[Path]:
        """Return the models that have an engine now, the one that was idle longest first."""
        with self._guard:
            return sorted(self._places, key=lambda folder: self._places[folder].used)

    def lease(self, files: ModelFiles) -> None:
        """Say that a model is wanted; it stays, if there is room, until as many have released it."""
        with self._guard:
            self._leases[files.folder] = self._leases.get(files.folder, 0) + 1

    async def release(self, files: ModelFiles) -> None:
        """Say that a model is wanted no longer; the last one unloads it and waits for that."""
        with self._guard:
            place = self._released(files.folder)
        if place is not None:
            await asyncio.to_thread(place.engine.close)

    def forget(self, folders: list[Path]) -> None:
        """Release what somebody wanted who is gone; safe to call while garbage is collected."""
        if not self._guard.acquire(blocking=False):
            # The thread that is interrupted may be the one that holds it.
            threading.Thread(target=self._forget, args=(folders,), daemon=True).start()
            return
        try:
            gone = [self._released(folder) for folder in folders]
        finally:
            self._guard.release()
        del gone  # an engine that nobody holds unloads itself

    def _forget(self, folders: list[Path]) -> None:
        with self._guard:
            gone = [self._released(folder) for folder in folders]
        del gone

    def _released(self, folder: Path) -> _Place | None:
        """Count one user less; the place, when it was the last one."""
        left = self._leases.get(folder, 0) - 1
        if left > 0:
            self._leases[folder] = left
            return None
        self._leases.pop(folder, None)
        return self._places.pop(folder, None)

    async def aclose(self) -> None:
        """Unload everything, whoever wants it; the pool can be used again."""
        with self._guard:
            engines = [place.engine for place in self._places.values()]
            self._places.clear()
            self._leases.clear()
        for engine in engines:
            await asyncio.to_thread(engine.close)

    @asynccontextmanager
    async def using(self, files: ModelFiles) -> AsyncIterator[Engine]:
        """Give the model's engine, which stays at least as long as this lasts; its jobs load the model.

        Raises:
            ModelError: When the models in use leave no room for this one.
        """
        place, evicted = self._take(files)
        try:
            for engine in evicted:
                # First out, then in: the two together may not fit.
                await asyncio.to_thread(engine.close)
            yield place.engine
        finally:
            with self._guard:
                place.users -= 1
                self._clock += 1
                place.used = self._clock

    def _take(self, files: ModelFiles) -> tuple[_Place, list[Engine]]:
        from providers.mlx.engine import Engine  # noqa: PLC0415 - importing the pool must cost nothing

        with self._guard:
            evicted: list[Engine] = []
            place = self._places.get(files.folder)
            if place is None:
                evicted = self._make_room(files)
                engine = Engine(files, int(self._limits.prompt_cache_gb * _GIB))
                place = self._places[files.folder] = _Place(engine, files.weight_bytes)
            place.users += 1
            return place, evicted

    def _make_room(self, files: ModelFiles) -> list[Engine]:
        """Take idle engines out, the one that was idle longest first, until the model fits."""
        taken = sum(place.weight_bytes for place in self._places.values())
        idle = sorted((p.used, folder) for folder, p in self._places.items() if not p.users)
        chosen: list[Path] = []
        while taken + files.weight_bytes > self.limit_bytes and idle:
            _, folder = idle.pop(0)
            chosen.append(folder)
            taken -= self._places[folder].weight_bytes
        if taken + files.weight_bytes > self.limit_bytes:
            raise ModelError(
                "overloaded",
                f"{files.folder.name} needs {_gigabytes(files.weight_bytes)} of memory, and "
                f"{_gigabytes(self.limit_bytes - taken)} of {_gigabytes(self.limit_bytes)} can be had; "
                "choose a smaller model, use fewer at once, or raise mlx_memory_gb.",
            )
        return [self._places.pop(folder).engine for folder in chosen]


def _gigabytes(size: int) -> str:
    return f"{size / _GIB:.3g} GB"
