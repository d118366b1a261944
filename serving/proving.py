"""The settings of a verification without a turn around it, and what a person should know of them."""

from __future__ import annotations

from graph.settings import Settings
from sandbox.bare import WARNING
from serving import terminal


def settings_of(*, types: bool) -> Settings:
    """The settings, with types asked for where the command line does; says when there is no sandbox.

    Raises:
        SettingsError: When a setting is wrong.
    """
    settings = Settings(verify_types=True) if types else Settings()
    say_unconfined(settings)
    return settings


def say_unconfined(settings: Settings) -> None:
    """One line when code will run without any sandbox."""
    if settings.sandbox == "none":
        terminal.notice(f"duograph: {WARNING}.")
