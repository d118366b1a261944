"""Whether there is anything to read: a command that only looks makes no database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from serving import terminal

if TYPE_CHECKING:
    from graph.settings import Settings

_EMPTY: Final = ":memory:"


def to_look_at(settings: Settings) -> Settings:
    """The settings with a database that can be read and is not made by that.

    Where nothing was kept yet it is an empty one that is never written down; a notice says so where somebody
    chose the place, as they may have mistyped it.
    """
    if is_there(settings):
        return settings
    if name := _chosen(settings):
        terminal.notice(
            f"duograph: there is no database at {settings.database_path} yet; if you meant another place, "
            f"mend the setting {name} (DUOGRAPH_{name.upper()} or duograph.toml)."
        )
    return settings.model_copy(update={"database": _EMPTY})


def say_empty(settings: Settings, text: str) -> None:
    """Say that there is nothing to list, unless `to_look_at` has said that the place itself is missing.

    Args:
        settings: As `to_look_at` was given them.
        text: What to say.
    """
    if is_there(settings) or not _chosen(settings):
        terminal.notice(text)


def is_there(settings: Settings) -> bool:
    """Whether something lies where the settings say; of a server that is taken for granted."""
    place = settings.database_path
    if place == _EMPTY or "://" in place:
        return True
    try:
        return Path(place).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return True  # opening it says what is wrong


def _chosen(settings: Settings) -> str:
    """The setting by which somebody chose the place; empty when nobody did."""
    named = {"database", "home"} & settings.model_fields_set
    return "database" if "database" in named else "home" if named else ""
