"""The tiny models of the MLX tests, for the suite that every backend must pass."""

from __future__ import annotations

from tests.providers.mlx.conftest import tiny_model as _tiny_model
from tests.providers.mlx.conftest import trained_model as _trained_model

tiny_model = _tiny_model
trained_model = _trained_model
