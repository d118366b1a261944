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
    place = settings.database_path
    if place == _EMPTY or "://" in place or _is_there(place):
        return settings
    if named := {"database", "home"} & settings.model_fields_set:
        name = "database" if "database" in named else "home"
        terminal.notice(
            f"duograph: there is no database at {place} yet; if you meant another place, "
            f"mend the setting {name} (DUOGRAPH_{name.upper()} or duograph.toml)."
        )
    return settings.model_copy(update={"database": _EMPTY})


def _is_there(place: str) -> bool:
    try:
        return Path(place).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return True  # opening it says what is wrong
