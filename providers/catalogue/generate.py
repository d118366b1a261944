"""Generates `models.json` from the packages of `sources.txt` and from `kept.toml`.

uv pip install --no-deps --target FOLDER -r providers/catalogue/sources.txt
uv run python -m providers.catalogue.generate FOLDER
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from providers.catalogue import rules
from providers.catalogue.catalogue import DATA
from providers.catalogue.sources import (
    PRICE_TABLES,
    PROFILES,
    Packages,
    inference_profiles,
    litellm_key,
    models_dev_name,
    of_litellm,
    of_models_dev,
    read_kept,
    requirements,
    url_of,
)

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

_RULE = {
    "name": "Duograph's own rules, applied to the other facts",
    "url": "providers/catalogue/rules.py",
}
_PARTS = ("max_input_tokens", "max_output_tokens")
_NEW_ONES = ("minimax",)
"""Providers whose models are taken from models.dev and LiteLLM, because LangChain has no profiles of them."""


@dataclass(slots=True)
class Draft:
    """A model while it is put together; who speaks first of a field is believed."""

    provider: str
    model_id: str
    facts: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def put(self, facts: dict[str, Any], source: str) -> None:
        """Take what is not known yet."""
        for name, value in facts.items():
            if name not in self.facts:
                self.facts[name], self.sources[name] = value, source

    def row(self) -> dict[str, Any]:
        """Return the model as the data has it: what each source said."""
        by_source: dict[str, dict[str, Any]] = {}
        for name in sorted(self.facts):
            if name != "makes":
                by_source.setdefault(self.sources[name], {})[name] = self.facts[name]
        return {"provider": self.provider, "id": self.model_id, "facts": dict(sorted(by_source.items()))}


def generate(packages: Packages, day: date) -> dict[str, Any]:
    """Put the catalogue together.

    Args:
        packages: The sources.
        day: The day of the prices, and on which the packages were read.

    Returns:
        The data for `models.json`.
    """
    kept = read_kept()
    drafts: dict[tuple[str, str], Draft] = {}
    _take_kept(drafts, kept)
    for package in PROFILES:
        for provider, model_id, facts in packages.profiles(package):
            _draft(drafts, provider, model_id).put(facts, package)
    for model_id, profiles in inference_profiles(packages).items():
        _draft(drafts, "bedrock", model_id).put({"profiles": profiles}, "langchain-aws")
    _take_new(drafts, packages, kept)
    dev, table = packages.models_dev(), packages.litellm()
    for draft in drafts.values():
        model = dev.get(models_dev_name(draft.provider), {}).get(draft.model_id)
        row = table.get(litellm_key(draft.provider, draft.model_id) or "")
        _complete(draft, model, row, day)
        draft.put({"categories": rules.categories(draft.model_id, draft.facts)}, rules.SOURCE)
        if "embedding" in draft.facts["categories"]:
            draft.facts.pop("max_output_tokens", None)  # there the sources put the length of the vectors
        draft.put({"roles": rules.roles(draft.model_id, draft.facts)}, rules.SOURCE)
    rows = [drafts[key].row() for key in sorted(drafts) if drafts[key].facts["categories"]]
    return {"sources": _sources(kept, day), "models": rows}


def _draft(drafts: dict[tuple[str, str], Draft], provider: str, model_id: str) -> Draft:
    return drafts.setdefault((provider, model_id), Draft(provider, model_id))


def _take_kept(drafts: dict[tuple[str, str], Draft], kept: dict[str, Any]) -> None:
    for block in kept["facts"]:
        facts = {name: value for name, value in block.items() if name not in ("source", "provider", "models")}
        for model_id in block["models"]:
            said = {
                name: value.isoformat() if isinstance(value, date) else value for name, value in facts.items()
            }
            if "name" in said:
                said["name"] = said["name"].format(tag=model_id.partition(":")[2]).strip()
            _draft(drafts, block["provider"], model_id).put(said, block["source"])


def _take_new(drafts: dict[tuple[str, str], Draft], packages: Packages, kept: dict[str, Any]) -> None:
    """Add models of which LangChain has no profile."""
    table, dev = packages.litellm(), packages.models_dev()
    for block in kept["wanted"]:
        for model_id in block["models"]:
            _draft(drafts, block["provider"], model_id)
    for provider in _NEW_ONES:
        prefix = litellm_key(provider, "") or ""
        for key, row in table.items():
            if key.startswith(prefix) and "makes" in of_litellm(row):
                _draft(drafts, provider, key.removeprefix(prefix))
        for model_id in dev[models_dev_name(provider)]:
            _draft(drafts, provider, model_id)


def _complete(draft: Draft, dev: dict[str, Any] | None, row: dict[str, Any] | None, day: date) -> None:
    """Add what the sources say that speak of models of every provider."""
    info = _info(draft)
    windows = [
        ("genai-prices", info.context_window if info else None),
        ("models-dev", of_models_dev(dev).get("context_tokens") if dev else None),
    ]
    if dev:
        draft.put({n: v for n, v in of_models_dev(dev).items() if n != "context_tokens"}, "models-dev")
    parts = [draft.facts.get(name, 0) for name in _PARTS]
    for source, window in windows:
        # Sources contradict each other now and then; a window smaller than what fits into it is wrong.
        if window and window >= max(parts):
            draft.put({"context_tokens": window}, source)
    most = draft.facts.get("context_tokens", inf)
    draft.put({n: v for n, v in of_litellm(row or {}).items() if n not in _PARTS or v <= most}, "litellm")
    draft.put({"name": draft.model_id}, rules.SOURCE)
    if info and (price := _price(info, day)):
        draft.put({"price": price}, "genai-prices")


def _info(draft: Draft) -> ModelInfo | None:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - heavy

    if draft.provider == "ollama":
        return None
    table = PRICE_TABLES.get(draft.provider, draft.provider)
    profiles = draft.facts.get("profiles", [])
    # Of a model that is reached by profiles only the price stands there, a region's before the global one.
    for prefix in ("", *(f"{name}." for name in sorted(profiles, key=lambda name: (name == "global", name)))):
        try:
            return get_snapshot().find_provider_model(prefix + draft.model_id, None, table, None)[1]
        except LookupError:
            continue
    return None


def _price(info: ModelInfo, day: date) -> dict[str, float] | None:
    """Read the price for short inputs; none for a model that also charges per request."""
    from genai_prices.types import TieredPrices  # noqa: PLC0415 - heavy

    prices = info.get_prices(datetime.combine(day, time(12), UTC))
    if prices.input_mtok is None or prices.output_mtok is None or prices.requests_kcount is not None:
        return None
    named = {
        "input_usd": prices.input_mtok,
        "output_usd": prices.output_mtok,
        "cached_usd": prices.cache_read_mtok,
    }
    return {
        name: float(price.base if isinstance(price, TieredPrices) else price)
        for name, price in named.items()
        if price is not None
    }


def _sources(kept: dict[str, Any], day: date) -> dict[str, dict[str, str]]:
    read = day.isoformat()
    packages = {
        package: {"name": f"{package} {version}", "url": url_of(package), "read": read}
        for package, version in requirements().items()
    }
    pages = {key: {name: str(value) for name, value in page.items()} for key, page in kept["sources"].items()}
    return dict(sorted((packages | pages | {rules.SOURCE: _RULE | {"read": read}}).items()))


def written(data: dict[str, Any]) -> str:
    """Write the data with one model on each line, so that a change shows which model changed."""

    def line(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    sources = ",\n".join(f"{line(key)}:{line(row)}" for key, row in data["sources"].items())
    models = ",\n".join(line(row) for row in data["models"])
    return f'{{"sources":{{\n{sources}\n}},"models":[\n{models}\n]}}\n'


def main() -> None:
    """Rewrite `models.json`."""
    parser = argparse.ArgumentParser(description="Generate the catalogue of models.")
    parser.add_argument("folder", type=Path, help="where the packages of sources.txt were installed")
    parser.add_argument(
        "--day", type=date.fromisoformat, help="the day of the reading; as recorded by default"
    )
    given = parser.parse_args()
    packages = Packages(given.folder)
    for package, version in requirements().items():
        if (found := packages.version(package)) != version:
            sys.exit(f"{given.folder} holds {package} {found}, sources.txt says {version}: install that one.")
    day = given.day or recorded_day()
    DATA.write_text(written(generate(packages, day)), encoding="utf-8")


def recorded_day() -> date:
    """Read the day on which the data that we have was made."""
    sources = json.loads(DATA.read_text(encoding="utf-8"))["sources"]
    return date.fromisoformat(sources[rules.SOURCE]["read"])


if __name__ == "__main__":
    main()
