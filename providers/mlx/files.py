"""Finds an MLX model on this machine, and reads what its files say about it."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.backend import Sampling
from providers.protocol import ModelConfigError
from providers.scrub import one_line, quote

INSTALL = "pip install 'duograph[mlx]'"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_INDEX = "model.safetensors.index.json"
# Where the families of models write down how much they can read.
_CONTEXT_KEYS = ("max_position_embeddings", "max_sequence_length", "seq_length", "n_positions", "n_ctx")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on disk.

    Attributes:
        folder: Where it lies, without symbolic links.
        weight_bytes: Size of its weights, which is about what they take in memory.
        context_tokens: Its context window, or None when `config.json` does not say.
        sampling: What its makers advise in `generation_config.json`; greedy when they advise nothing.
    """

    folder: Path
    weight_bytes: int
    context_tokens: int | None
    sampling: Sampling


def require_mlx(what: str) -> None:
    """Make sure that mlx-lm can be imported, without importing it.

    Args:
        what: What needs it, such as the model string.

    Raises:
        ModelConfigError: When it is not installed, as on Windows.
    """
    try:
        missing = [name for name in ("mlx.core", "mlx_lm", "resource") if not importlib.util.find_spec(name)]
    except ModuleNotFoundError:
        missing = ["mlx"]
    if missing:
        raise ModelConfigError(
            f"{what} needs mlx-lm, which runs on Apple silicon and Linux; run: {INSTALL}, "
            "or name a model on a server, such as openai:MODEL@http://localhost:11434/v1."
        )


def find_model(model: str) -> ModelFiles:
    """Find a model in a folder or in the hub's cache; the network is never asked.

    Args:
        model: A folder, or a hub id such as `mlx-community/Qwen3-0.6B-4bit` that was pulled.

    Returns:
        What its files say.

    Raises:
        ModelConfigError: When it is not there, incomplete, or no MLX model.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        folder = _cached(model)
    config = _read(folder / "config.json", model)
    weights = _weights(folder, model)
    return ModelFiles(
        # The cache's folder names its commit: that stays, while each file in it is a link to its content.
        folder=folder.resolve(),
        weight_bytes=sum(path.stat().st_size for path in weights),
        context_tokens=context_tokens(config),
        sampling=_advice(folder),
    )


def context_tokens(config: dict[str, Any]) -> int | None:
    """Read the context window out of a `config.json`; None when it does not say."""
    nested = config.get("text_config")
    for part in (config, nested if isinstance(nested, dict) else {}):
        for key in _CONTEXT_KEYS:
            value = part.get(key)
            if isinstance(value, int) and value > 0:
                return value
    return None


def _cached(model: str) -> Path:
    if not _HUB_ID.fullmatch(model):
        raise ModelConfigError(
            f"There is no folder {quote(model)}, and it is no hub id such as mlx-community/Qwen3-0.6B-4bit; "
            "check the path."
        )
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - heavy, and comes with mlx-lm

    found = try_to_load_from_cache(model, "config.json")
    if not isinstance(found, str):
        raise ModelConfigError(f"mlx:{model} is not on this machine; run: duograph pull {model}")
    return Path(found).parent


def _weights(folder: Path, model: str) -> list[Path]:
    """Return the files of weights; with an index, every one that it names must be there."""
    weights = sorted(folder.glob("model*.safetensors"))
    if not weights:
        raise ModelConfigError(
            f"{quote(model)} holds no model*.safetensors; pull an MLX model, or run mlx_lm.convert."
        )
    if (folder / _INDEX).exists():
        named = _read(folder / _INDEX, model).get("weight_map")
        wanted = set(named.values()) if isinstance(named, dict) else set()
        if missing := sorted(wanted - {path.name for path in weights}):
            raise ModelConfigError(
                f"{quote(model)} is incomplete: {missing[0]} is missing; run: duograph pull {model}"
            )
    return weights


def _advice(folder: Path) -> Sampling:
    try:
        advice = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        advice = None
    if not isinstance(advice, dict) or not advice.get("do_sample"):
        return Sampling(temperature=0.0)
    return Sampling(temperature=_number(advice, "temperature", 1.0), top_p=_number(advice, "top_p", 1.0))


def _number(advice: dict[str, Any], key: str, otherwise: float) -> float:
    value = advice.get(key)
    return float(value) if isinstance(value, int | float) else otherwise


def _read(path: Path, model: str) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelConfigError(
            f"{quote(model)} has no {path.name}; name the folder of an MLX model."
        ) from None
    except (OSError, ValueError) as error:
        raise ModelConfigError(
            f"{path.name} of {quote(model)} cannot be read ({one_line(str(error))}); pull the model again."
        ) from None
    if not isinstance(value, dict):
        raise ModelConfigError(f"{path.name} of {quote(model)} holds no JSON object; pull the model again.")
    return value
