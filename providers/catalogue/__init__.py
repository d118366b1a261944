"""What is known about models, from data that lies in the package; see `README.md`.

The names below are loaded at first use, so that importing the room costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from providers.catalogue.catalogue import Catalogue, known_limits, load_catalogue
    from providers.catalogue.entry import Entry, Limits, ListPrice, Source
    from providers.catalogue.retirement import retirement_notes

__all__ = [
    "Catalogue",
    "Entry",
    "Limits",
    "ListPrice",
    "Source",
    "known_limits",
    "load_catalogue",
    "retirement_notes",
]

_HOMES = {
    "Catalogue": "catalogue",
    "known_limits": "catalogue",
    "load_catalogue": "catalogue",
    "retirement_notes": "retirement",
}


def __getattr__(name: str) -> object:
    """Load an exported name at first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'entry')}"), name)
