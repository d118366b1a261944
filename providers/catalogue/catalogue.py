"""Loads the catalogue and looks things up in it."""

from __future__ import annotations

import json
import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from providers.catalogue.entry import CAPABILITIES, Entry, Limits, ListPrice, Source

if TYPE_CHECKING:
    from providers.catalogue.entry import Capability, CatalogueRole, Category

DATA = Path(__file__).with_name("models.json")

# A profile of Bedrock stands before the id, the day of a snapshot behind it.
_PROFILE = re.compile(r"^(?:us-gov|us|eu|apac|au|ca|jp|in|global)\.")
_SNAPSHOT = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")


class Catalogue:
    """The models that are known, in the order of the data."""

    def __init__(self, data: dict[str, Any]) -> None:
        """Keep the data; a model is made into an `Entry` when it is asked for.

        Args:
            data: As `models.json` holds it.
        """
        self._data = data
        self._rows = {(row["provider"], row["id"]): row for row in data["models"]}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def sources(self) -> dict[str, Source]:
        """Who says what is known, by the keys that `Entry.sources` holds."""
        return {
            key: Source(row["name"], row["url"], date.fromisoformat(row["read"]))
            for key, row in self._data["sources"].items()
        }

    @property
    def providers(self) -> list[str]:
        """The providers, in order."""
        return list(dict.fromkeys(provider for provider, _ in self._rows))

    def find(self, provider: str, model_id: str) -> Entry | None:
        """Find a model.

        Args:
            provider: As a model string begins.
            model_id: As it goes on; one with the day of a snapshot behind it, a profile of Bedrock before it
                or `:latest` is found by its plain id too.

        Returns:
            The model, or None when it is not known.
        """
        plain = model_id.removesuffix(":latest")
        if provider == "bedrock":
            # An ARN ends with its model's id, or with a # and the id that a person put there.
            plain = _PROFILE.sub("", plain.rpartition("#")[2].rpartition("/")[2])
        for name in (model_id, plain, _SNAPSHOT.sub("", plain)):
            if row := self._rows.get((provider, name)):
                return entry_of(row)
        return None

    def models(
        self,
        *,
        provider: str | None = None,
        role: CatalogueRole | None = None,
        category: Category | None = None,
        capability: Capability | None = None,
    ) -> list[Entry]:
        """Return the models that fulfil every condition that is given.

        Args:
            provider: The provider.
            role: A role that the model suits.
            category: What it is made for.
            capability: Something that a source says it can.
        """
        return [
            entry
            for entry in map(entry_of, self._rows.values())
            if (provider is None or entry.provider == provider)
            and (role is None or role in entry.roles)
            and (category is None or category in entry.categories)
            and (capability is None or entry.can(capability) is True)
        ]


@cache
def load_catalogue() -> Catalogue:
    """Load the catalogue, once; it takes a few milliseconds and reads one file of the package."""
    return Catalogue(json.loads(DATA.read_text(encoding="utf-8")))


def known_limits(provider: str, model_id: str) -> Limits | None:
    """Say how much fits into a model at its own provider, or None when it is not known.

    A server of one's own may have set less: ask it, where it can be asked.
    """
    entry = load_catalogue().find(provider, model_id)
    return None if entry is None else entry.limits


def entry_of(row: dict[str, Any]) -> Entry:
    """Read one row of the data: provider, id, and for each source what it said."""
    known: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, facts in row["facts"].items():
        known.update(facts)
        sources.update(dict.fromkeys(facts, source))
    return Entry(
        provider=row["provider"],
        model_id=row["id"],
        name=known["name"],
        categories=frozenset(known.get("categories", ())),
        capabilities={name: known[name] for name in CAPABILITIES if name in known},
        limits=Limits(
            known.get("context_tokens"), known.get("max_input_tokens"), known.get("max_output_tokens")
        ),
        price=ListPrice(**known["price"]) if "price" in known else None,
        roles=tuple(known.get("roles", ())),
        retires=date.fromisoformat(known["retires"]) if "retires" in known else None,
        is_deprecated=known.get("is_deprecated"),
        profiles=tuple(known.get("profiles", ())),
        sources=sources,
    )
