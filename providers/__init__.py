"""The models: roles, chains of model strings, backends; see `README.md`.

The names below are loaded at first use, so that importing the room costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from providers.answers.structured import Structured, UnfitAnswerError
    from providers.answers.think import ReasoningSplitter, split_reasoning
    from providers.backend import ModelSpec, Timeouts
    from providers.direct.result import ModelResult
    from providers.direct.single import LocalModel, OnlineModel
    from providers.facts import ChainFacts, Price
    from providers.failover.breaker import BreakerRule, Breakers
    from providers.failover.retrying import Retries
    from providers.ledger import Stats
    from providers.models import RoleModels
    from providers.protocol import (
        Allowance,
        Call,
        ErrorKind,
        LimitKind,
        LimitReachedError,
        ModelConfigError,
        ModelError,
        Models,
        ModelsFailedError,
        Reply,
        Role,
        Step,
    )
    from providers.roles import RoleParameters
    from providers.spec import parse_chain, parse_spec

__all__ = [
    "Allowance",
    "BreakerRule",
    "Breakers",
    "Call",
    "ChainFacts",
    "ErrorKind",
    "LimitKind",
    "LimitReachedError",
    "LocalModel",
    "ModelConfigError",
    "ModelError",
    "ModelResult",
    "ModelSpec",
    "Models",
    "ModelsFailedError",
    "OnlineModel",
    "Price",
    "ReasoningSplitter",
    "Reply",
    "Retries",
    "Role",
    "RoleModels",
    "RoleParameters",
    "Stats",
    "Step",
    "Structured",
    "Timeouts",
    "UnfitAnswerError",
    "parse_chain",
    "parse_spec",
    "split_reasoning",
]

_HOMES = {
    "BreakerRule": "failover.breaker",
    "Breakers": "failover.breaker",
    "ChainFacts": "facts",
    "LocalModel": "direct.single",
    "ModelResult": "direct.result",
    "ModelSpec": "backend",
    "OnlineModel": "direct.single",
    "Price": "facts",
    "ReasoningSplitter": "answers.think",
    "Retries": "failover.retrying",
    "RoleModels": "models",
    "RoleParameters": "roles",
    "Stats": "ledger",
    "Structured": "answers.structured",
    "Timeouts": "backend",
    "UnfitAnswerError": "answers.structured",
    "parse_chain": "spec",
    "parse_spec": "spec",
    "split_reasoning": "answers.think",
}


def __getattr__(name: str) -> object:
    """Load an exported name at first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'protocol')}"), name)
