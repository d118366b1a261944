"""`duograph models`: the catalogue, for people and for programs."""

from __future__ import annotations

import difflib
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, cast

from providers.catalogue import load_catalogue
from serving import exits, terminal
from serving.faults import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from providers.catalogue import Catalogue, Entry, Source
    from providers.catalogue.entry import CatalogueRole, Category

_COLUMNS = ("model", "made for", "roles", "context", "output", "usd in/out", "retires")
_NUMBERS = {"context", "output", "usd in/out"}
_THOUSAND = 1000


def list_models(*, provider: str | None, role: str | None, category: str | None, as_json: bool) -> int:
    """Print the models that fulfil every condition, and give the exit code.

    Args:
        provider: A provider of the catalogue.
        role: A role that they suit.
        category: What they are made for.
        as_json: Whether to print an object, with the source of each field.

    Raises:
        InputError: When the catalogue has no such provider.
    """
    catalogue = load_catalogue()
    if provider is not None and provider not in catalogue.providers:
        near = difflib.get_close_matches(provider.lower(), catalogue.providers, n=1)
        hint = f"did you mean {near[0]}? Known" if near else "choose one of"
        raise InputError(
            f"--provider {provider!r} is not in the catalogue: {hint}: {', '.join(catalogue.providers)}."
        )
    found = catalogue.models(
        provider=provider, role=cast("CatalogueRole | None", role), category=cast("Category | None", category)
    )
    if as_json:
        terminal.json_object(_object(catalogue, found))
    elif not found:
        terminal.notice("duograph: the catalogue has no such model; leave a condition out.")
    elif terminal.is_terminal(sys.stdout):
        _print_table(found)
    else:
        for entry in found:
            terminal.line("\t".join(_row(entry)))
    return exits.DONE


def _row(entry: Entry) -> list[str]:
    """One model in words; what nobody says is a dash."""
    price = entry.price
    return [
        str(entry),
        ",".join(sorted(entry.categories)),
        ",".join(entry.roles) or "-",
        _tokens(entry.limits.context_tokens or entry.limits.max_input_tokens),
        _tokens(entry.limits.max_output_tokens),
        f"{price.input_usd:g}/{price.output_usd:g}" if price else "-",
        str(entry.retires) if entry.retires else "-",
    ]


def _tokens(count: int | None) -> str:
    if count is None:
        return "-"
    return f"{count // _THOUSAND}k" if count >= _THOUSAND else str(count)


def _print_table(found: Sequence[Entry]) -> None:
    from rich.table import Table  # noqa: PLC0415  # a pipe need not wait for rich
    from rich.text import Text  # noqa: PLC0415  # the same

    table = Table(box=None, pad_edge=False, caption=f"{len(found)} models; prices per million tokens")
    for column in _COLUMNS:
        table.add_column(
            column, justify="right" if column in _NUMBERS else "left", overflow="fold", header_style="bold"
        )
    today = datetime.now(UTC).date()
    for entry in found:
        *cells, retires = (Text(cell) for cell in _row(entry))
        table.add_row(*cells, Text(retires.plain, _style(entry.retires, today)))
    terminal.console(sys.stdout).print(table)
    sys.stdout.flush()


def _style(retires: date | None, today: date) -> str:
    if retires is None:
        return ""
    return "red" if retires <= today else "yellow"


def _object(catalogue: Catalogue, found: Sequence[Entry]) -> dict[str, Any]:
    used = {source for entry in found for source in entry.sources.values()}
    return {
        "models": [_model(entry) for entry in found],
        "sources": {key: _source(source) for key, source in catalogue.sources.items() if key in used},
    }


def _model(entry: Entry) -> dict[str, Any]:
    return {
        "provider": entry.provider,
        "id": entry.model_id,
        "name": entry.name,
        "categories": sorted(entry.categories),
        "capabilities": dict(entry.capabilities),
        **asdict(entry.limits),
        "price": asdict(entry.price) if entry.price else None,
        "roles": list(entry.roles),
        "retires": str(entry.retires) if entry.retires else None,
        "deprecated": entry.is_deprecated,
        "profiles": list(entry.profiles),
        "sources": dict(entry.sources),
    }


def _source(source: Source) -> dict[str, str]:
    return {"name": source.name, "url": source.url, "read": str(source.read)}
