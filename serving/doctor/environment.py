"""The checks of what is installed: Python, packages, extras, the settings."""

from __future__ import annotations

import platform
import re
import sys
from importlib import metadata
from pathlib import Path

from checkpoints import DatabaseError
from graph.settings import CONFIG_FILE, Settings, SettingsError
from graph.sorting import open_classifier
from serving.doctor.finding import Finding

_SHOWN = ("langgraph", "langchain-core", "pydantic")
_EXTRA = re.compile(r"""^([\w.-]+).*;.*extra == ['"]([\w-]+)['"]""")


def see_environment() -> Finding:
    """Say what Python, platform and packages these are."""
    system = f"{platform.system()} {platform.machine()}"
    packages = ", ".join(f"{name} {_version(name) or 'missing'}" for name in ("duograph", *_SHOWN))
    detail = f"Python {platform.python_version()} on {system}; {packages}"
    if sys.platform not in ("linux", "darwin"):
        return Finding(
            "environment", "warn", detail, "Run Duograph inside WSL: code can be executed only there."
        )
    return Finding("environment", "ok", detail)


def see_extras() -> Finding:
    """Say which extras are complete, so that a person knows which backends could be used."""
    wanted: dict[str, list[str]] = {}
    try:
        lines = metadata.requires("duograph") or []
    except metadata.PackageNotFoundError:
        return Finding("extras", "warn", "unknown: Duograph runs without being installed")
    for line in lines:
        if match := _EXTRA.match(line):
            wanted.setdefault(match[2], []).append(match[1])
    there = [name for name, packages in wanted.items() if all(map(_version, packages))]
    absent = [name for name in wanted if name not in there]
    detail = f"installed: {', '.join(there) or 'none'}"
    if absent:
        detail += f"; not installed: {', '.join(absent)} (pip install 'duograph[NAME]')"
    return Finding("extras", "ok", detail)


def read_settings() -> tuple[Settings | None, Finding]:
    """Read the settings, and say where they came from."""
    unread = ""
    try:
        try:
            settings = Settings()
        except DatabaseError as error:  # the check of the database says how it is
            settings, unread = Settings(user_settings=False), str(error)
        open_classifier(settings.routing_minilm)
    except SettingsError as error:
        return None, Finding(
            "settings", "fail", str(error), "Mend this setting; models and database were not checked."
        )
    place = "read from" if Path(CONFIG_FILE).is_file() else "there is no"
    chosen = sorted(settings.model_fields_set)
    detail = f"{place} {CONFIG_FILE} in this folder; set: {', '.join(chosen) or 'nothing'}"
    if settings.kept:
        detail += f"; of these by the user {settings.user!r}: {', '.join(sorted(settings.kept))}"
    if unread:
        return settings, Finding(
            "settings",
            "fail",
            f"{detail}; the user's settings cannot be read: {unread}",
            "Mend the database, or do without them by DUOGRAPH_USER_SETTINGS=0.",
        )
    return settings, Finding("settings", "ok", detail)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
