"""The backend `mlx:PATH_OR_HUB_ID`: an MLX model in this process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from providers.mlx.files import find_model, require_mlx
from providers.mlx.runner import MlxRunner
from providers.runners.row import backend

if TYPE_CHECKING:
    from providers.backend import Backend, ModelSpec, Wiring


def check(spec: ModelSpec, _wiring: Wiring) -> None:
    """Refuse what cannot work, without importing MLX or asking the network.

    Raises:
        ModelConfigError: When mlx-lm or the model is missing, or the model is incomplete.
    """
    require_mlx(str(spec))
    find_model(spec.model)


def build(spec: ModelSpec, wiring: Wiring) -> Backend:
    """Load the model and make the chat model; takes as long as loading takes, so call it off the loop.

    Raises:
        ModelConfigError: When mlx-lm or the model is missing, or the model is incomplete.
        ModelError: When it cannot be loaded, or there is no room for it.
    """
    runner = MlxRunner(wiring.engines)
    # Here rather than in the first call, whose time is limited; the runner belongs to no event loop.
    loaded = asyncio.run(runner.load(spec.model))
    return backend(runner, spec.model, "mlx", schemas=loaded.json_schema)
