"""Says which models of a configuration are about to go, or gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from providers.catalogue.catalogue import load_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from providers.backend import ModelSpec

SOON_DAYS = 60
"""How many days before a model retires its users are told."""


def retirement_notes(specs: Iterable[ModelSpec], today: date) -> list[str]:
    """Say in one sentence each which models are retired, or will be within 60 days.

    Args:
        specs: Models in use. One with a base URL of its own is passed over: another server may keep a model
            that its maker has retired.
        today: The day to reckon from.

    Returns:
        A sentence for each such model, in order, without repetition.
    """
    notes = []
    for spec in dict.fromkeys(specs):
        elsewhere = "://" in (spec.base_url or "")  # a region may stand there too
        entry = None if elsewhere else load_catalogue().find(spec.provider, spec.model)
        if entry is None or entry.retires is None:
            continue
        days = (entry.retires - today).days
        if days > SOON_DAYS:
            continue
        when = "was retired" if days <= 0 else f"retires in {days} day{'s' if days > 1 else ''},"
        notes.append(
            f"{spec} {when} on {entry.retires}; choose another: duograph models --provider {entry.provider}"
        )
    return notes
