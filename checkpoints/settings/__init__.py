"""User settings: what each user prefers, kept beside the sessions; see `README.md`.

The names below are loaded at first use: SQLAlchemy takes half a second, and reading needs none of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from checkpoints.settings.protocol import StoredSetting, UserSettingsError, UserSettingsStore

if TYPE_CHECKING:
    from checkpoints.settings.checking import as_model, user_problem
    from checkpoints.settings.reading import peek
    from checkpoints.settings.service import UserSettingsService
    from checkpoints.settings.store import SqlUserSettings
    from checkpoints.settings.words import allowed

__all__ = [
    "SqlUserSettings",
    "StoredSetting",
    "UserSettingsError",
    "UserSettingsService",
    "UserSettingsStore",
    "allowed",
    "as_model",
    "peek",
    "user_problem",
]

_LAZY = {
    "SqlUserSettings": "checkpoints.settings.store",
    "UserSettingsService": "checkpoints.settings.service",
    "allowed": "checkpoints.settings.words",
    "as_model": "checkpoints.settings.checking",
    "peek": "checkpoints.settings.reading",
    "user_problem": "checkpoints.settings.checking",
}


def __getattr__(name: str) -> object:
    """Import what is heavy when it is first asked for (PEP 562)."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
