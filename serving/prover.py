"""The verifier that the settings describe, without the graph around it."""

from __future__ import annotations

from graph.settings import Settings
from sandbox import Limits, Verifier, open_sandbox


async def open_verifier() -> Verifier:
    """Choose a sandbox, let it pass its self-test, and give a verifier that uses it.

    Raises:
        SettingsError: When a setting is wrong.
    """
    settings = Settings()
    return Verifier(await open_sandbox(settings.sandbox), limits=Limits(wall_s=settings.verify_timeout_s))
