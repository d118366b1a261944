"""The table of backends: adding one is adding a row here, and a module that builds it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from providers.backend import Backend, ModelSpec, Provider, Wiring
from providers.backends import anthropic, bedrock, ollama
from providers.backends.openai import provider as speaks_openai
from providers.backends.services import OPENAI, SERVICES
from providers.mlx import row as mlx
from providers.prices import LOCAL, SCRIPTED, Rate, always
from providers.runners import row as runners

if TYPE_CHECKING:
    from collections.abc import Mapping


def _check_offline(_spec: ModelSpec, _wiring: Wiring) -> None:
    """The offline model needs nothing."""


def _build_offline(_spec: ModelSpec, _wiring: Wiring) -> Backend:
    from providers.offline import OfflineChatModel  # noqa: PLC0415 - heavy

    return Backend(OfflineChatModel())


def _price_offline(_spec: ModelSpec, _wiring: Wiring) -> Rate:
    return always(LOCAL)


def _not_offline(_spec: ModelSpec, _wiring: Wiring) -> bool:
    return False  # it calls no tools, and knows no more of a request than the classifier


def _check_scripted(spec: ModelSpec, wiring: Wiring) -> None:
    wiring.scripts.open(spec.model)


def _build_scripted(spec: ModelSpec, wiring: Wiring) -> Backend:
    from providers.backends.scripted import ScriptedChatModel  # noqa: PLC0415 - heavy

    return Backend(ScriptedChatModel(script=wiring.scripts.open(spec.model)))


def _price_scripted(spec: ModelSpec, wiring: Wiring) -> Rate:
    return always(SCRIPTED if wiring.scripts.open(spec.model).priced else LOCAL)


def _scripted_takes_tools(spec: ModelSpec, wiring: Wiring) -> bool:
    return wiring.scripts.open(spec.model).calls_tools


def _routes_scripted(spec: ModelSpec, wiring: Wiring) -> bool:
    return wiring.scripts.open(spec.model).routes


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "offline": Provider(
            syntax="offline",
            model="none",
            build=_build_offline,
            check=_check_offline,
            price=_price_offline,
            takes_tools=_not_offline,
            routes=_not_offline,
        ),
        "scripted": Provider(
            syntax="scripted:FILE",
            model="file",
            build=_build_scripted,
            check=_check_scripted,
            price=_price_scripted,
            takes_tools=_scripted_takes_tools,
            routes=_routes_scripted,
        ),
        "openai": speaks_openai(OPENAI),
        "anthropic": Provider(
            syntax="anthropic:MODEL[@BASE_URL]",
            model="name",
            build=anthropic.build,
            check=anthropic.check,
            server=anthropic.server,
            price=anthropic.price,
            base_url=True,
            extra="anthropic",
            key_variable=anthropic.KEY_VARIABLE,
            end_marks=("stop_reason",),
        ),
        "bedrock": Provider(
            syntax="bedrock:MODEL[@REGION]",
            model="name",
            build=bedrock.build,
            check=bedrock.check,
            server=bedrock.server,
            price=bedrock.price,
            base_url=True,
            region=True,
            extra="bedrock",
            key_variable=bedrock.KEY_VARIABLE,
            end_marks=("stopReason",),
        ),
        "ollama": Provider(
            syntax="ollama:MODEL[@BASE_URL]",
            model="name",
            build=ollama.build,
            check=ollama.check,
            server=ollama.server,
            price=ollama.price,
            base_url=True,
            key_variable=ollama.KEY_VARIABLE,
            end_marks=("finish_reason",),
        ),
        **{service.name: speaks_openai(service) for service in SERVICES},
        "mlx": Provider(
            syntax="mlx:PATH_OR_HUB_ID",
            model="name",
            build=mlx.build,
            check=mlx.check,
            price=runners.price,
            extra="mlx",
            end_marks=("finish_reason",),
        ),
        "runner": Provider(
            syntax="runner:NAME:MODEL",
            model="name",
            build=runners.build,
            check=runners.check,
            price=runners.price,
            end_marks=("finish_reason",),
        ),
    }
)
"""Every known backend by the name that opens its model string."""
