"""The backend `runner:NAME:MODEL`: a model in this process, by any runner that is known."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from providers.backend import Backend, ModelSpec, Sampling, Wiring
from providers.prices import LOCAL, Rate, always
from providers.protocol import ModelConfigError
from providers.runners.protocol import Checks
from providers.runners.registry import get_runner

if TYPE_CHECKING:
    from providers.runners.protocol import Runner


def check(spec: ModelSpec, _wiring: Wiring) -> None:
    """Refuse a name that no runner has, and what its runner already knows to be missing.

    Raises:
        ModelConfigError: When the string lacks a part, there is no such runner, it is broken, or its own
            check refuses the model.
    """
    runner, _, model = _runner(spec)
    if isinstance(runner, Checks):
        runner.check(model)


def build(spec: ModelSpec, _wiring: Wiring) -> Backend:
    """Make the chat model; its runner loads the model at the first call, on the event loop that calls.

    Raises:
        ModelConfigError: When the string lacks a part, or there is no such runner, or it is broken.
    """
    runner, name, model = _runner(spec)
    return backend(runner, model, name, schemas=True)


def price(_spec: ModelSpec, _wiring: Wiring) -> Rate:
    """A model in this process costs nothing."""
    return always(LOCAL)


def backend(runner: Runner, model: str, name: str, *, schemas: bool) -> Backend:
    """Wrap a runner in what `RoleModels` asks.

    Args:
        runner: Makes the answers.
        model: What it loads.
        name: What the runner is called.
        schemas: Whether it may be asked to hold answers to a schema.
    """
    from providers.runners.chat import RunnerChatModel  # noqa: PLC0415 - heavy

    async def context_tokens() -> int | None:
        return (await runner.load(model)).context_tokens

    return Backend(
        RunnerChatModel(runner=runner, model=model, provider=name),
        aclose=runner.cleanup,
        output_limit=lambda tokens: {"max_tokens": tokens},
        sampling=_sampling,
        json_schema=(lambda schema: {"json_schema": schema}) if schemas else None,
        json_mode={"json_schema": {"type": "object"}} if schemas else None,
        context_tokens=context_tokens,
    )


def _sampling(sampling: Sampling) -> dict[str, Any]:
    return {name: value for name, value in asdict(sampling).items() if value is not None}


def _runner(spec: ModelSpec) -> tuple[Runner, str, str]:
    name, _, model = spec.model.partition(":")
    if not name.strip() or not model.strip():
        raise ModelConfigError(
            f"{spec} names no model; write runner:NAME:MODEL, such as runner:vllm:ORG/MODEL."
        )
    return get_runner(name.strip()), name.strip(), model.strip()
