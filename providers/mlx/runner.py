"""The runner `mlx`: brings an engine's thread and an event loop together."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from providers.mlx import grammar
from providers.mlx.files import ModelFiles, find_model, require_mlx
from providers.mlx.sharing import EngineShare
from providers.protocol import ModelConfigError, ModelError
from providers.runners.protocol import End, LoadedModel, Piece

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from providers.mlx.engine import Emit
    from providers.mlx.pool import EnginePool
    from providers.runners.protocol import Request

    Item = Piece | End | LoadedModel | ModelError


class MlxRunner:
    """Runs one MLX model; implements `providers.runners.Runner`, for any number of event loops."""

    def __init__(self, pool: EnginePool | EngineShare | None = None) -> None:
        """Load nothing yet.

        Args:
            pool: Where the engines are; a share of the process's when left out.
        """
        self._pool = pool or EngineShare()
        self._model = ""
        self._files: ModelFiles | None = None
        self._loaded: LoadedModel | None = None

    @property
    def forces_tools(self) -> bool:
        """Whether a model can be held to calling a tool; see `Runner`."""
        return grammar.is_available()

    async def load(self, model: str) -> LoadedModel:
        """Load a model into memory; see `Runner.load`.

        Args:
            model: A folder, or a hub id that was pulled.

        Raises:
            ModelConfigError: When mlx-lm or the model is missing, or the model is incomplete.
            ModelError: When it cannot be loaded, or there is no room for it.
        """
        if self._loaded is not None and model == self._model:
            return self._loaded
        require_mlx(f"mlx:{model}")
        files = await asyncio.to_thread(find_model, model)
        if self._files is not None and self._files != files:
            await self.cleanup()
        if self._files is None:
            self._pool.lease(files)
            self._model, self._files = model, files
        try:
            async with aclosing(self._ask(files, None)) as answer:
                async for item in answer:
                    if isinstance(item, LoadedModel):
                        self._loaded = item
                        return item
        except ModelError:
            await self.cleanup()
            raise
        raise ModelError("cancelled", "the model was unloaded while it was loaded; ask again.")

    async def generate(self, request: Request) -> AsyncGenerator[Piece | End, None]:
        """Go on with a conversation; see `Runner.generate`. A model that had to make room is loaded again.

        Raises:
            ModelConfigError: When nothing was loaded.
            ModelError: When the model fails.
        """
        if self._files is None:
            raise ModelConfigError("The runner has loaded no model; call load(MODEL) first.")
        async with aclosing(self._ask(self._files, request)) as answer:
            async for item in answer:
                if isinstance(item, Piece | End):
                    yield item

    async def cleanup(self) -> None:
        """Unload the model, unless another runner of the pool still uses it; see `Runner.cleanup`."""
        files, self._files, self._loaded, self._model = self._files, None, None, ""
        if files is not None:
            await self._pool.release(files)

    async def _ask(self, files: ModelFiles, request: Request | None) -> AsyncGenerator[Item, None]:
        """Submit a job and yield what it emits."""
        from providers.mlx.engine import Job  # noqa: PLC0415 - importing the runner must cost nothing

        inbox: asyncio.Queue[Item] = asyncio.Queue()
        async with self._pool.using(files) as engine:
            if request is None and engine.facts is not None:
                # Another user's answer may be in the works, and a call's time does not count here.
                yield engine.facts
                return
            job = Job(_mailer(asyncio.get_running_loop(), inbox), request)
            engine.submit(job)
            try:
                while True:
                    item = await inbox.get()
                    if isinstance(item, ModelError):
                        raise item
                    yield item
                    if not isinstance(item, Piece):
                        return
            finally:
                job.cancelled.set()


def _mailer(loop: asyncio.AbstractEventLoop, inbox: asyncio.Queue[Item]) -> Emit:
    def emit(item: Item) -> None:
        # A loop that is gone waits for nothing; the engine serves others.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(inbox.put_nowait, item)

    return emit
