"""The catalogue: what it holds, that nothing in it is invented, and how it is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import genai_prices
import pytest

from providers.backend import ModelSpec
from providers.catalogue import Limits, known_limits, load_catalogue, retirement_notes
from providers.catalogue.catalogue import DATA, Catalogue, entry_of
from providers.catalogue.entry import CAPABILITIES, CATEGORIES, ROLES, Entry
from providers.catalogue.generate import generate, recorded_day, written
from providers.catalogue.sources import PROFILES, REQUIREMENTS, Packages, read_kept, requirements

ENTRIES = load_catalogue().models()
ROWS = json.loads(DATA.read_text(encoding="utf-8"))["models"]
INSTALLED = Packages(Path(genai_prices.__file__).parents[1])

BEDROCK = """
anthropic.claude-3-opus-20240229-v1:0 anthropic.claude-3-sonnet-20240229-v1:0
anthropic.claude-3-haiku-20240307-v1:0 anthropic.claude-3-5-sonnet-20240620-v1:0
anthropic.claude-3-5-sonnet-20241022-v2:0 anthropic.claude-3-5-haiku-20241022-v1:0
anthropic.claude-3-7-sonnet-20250219-v1:0 anthropic.claude-sonnet-4-20250514-v1:0
anthropic.claude-opus-4-20250514-v1:0 anthropic.claude-opus-4-1-20250805-v1:0
anthropic.claude-sonnet-4-5-20250929-v1:0 anthropic.claude-haiku-4-5-20251001-v1:0
anthropic.claude-opus-4-5-20251101-v1:0 amazon.nova-pro-v1:0 amazon.nova-lite-v1:0 amazon.nova-micro-v1:0
amazon.nova-premier-v1:0 amazon.nova-canvas-v1:0 amazon.nova-reel-v1:0 amazon.titan-image-generator-v2:0
"""
OLLAMA = """
qwen3:0.6b qwen3:1.7b qwen3:4b qwen3:8b qwen3:14b qwen3:30b qwen3:32b qwen3:235b qwen3-coder:30b
qwen3-coder:480b qwen3-embedding:0.6b qwen3-embedding:4b qwen3-embedding:8b llama3.1:8b llama3.1:70b
llama3.2:1b llama3.2:3b llama3.3:70b phi4:14b phi4-mini:3.8b gemma3:1b gemma3:4b gemma3:12b gemma3:27b
codegemma:2b codegemma:7b deepseek-r1:8b deepseek-r1:32b deepseek-coder:6.7b deepseek-coder-v2 mistral:7b
mistral-small:24b devstral:24b
"""


def listed(provider: str, model_id: str) -> Entry:
    entry = load_catalogue().find(provider, model_id)
    assert entry is not None, f"{provider}:{model_id} is missing"
    return entry


def test_the_original_registry_and_todays_providers_are_there() -> None:
    for provider, ids in (("bedrock", BEDROCK.split()), ("ollama", OLLAMA.split())):
        for model_id in ids:
            assert listed(provider, model_id).model_id == model_id
    assert len(BEDROCK.split()) >= 17
    assert len(OLLAMA.split()) >= 32
    current = {
        "anthropic",
        "bedrock",
        "deepseek",
        "gemini",
        "groq",
        "minimax",
        "mistral",
        "ollama",
        "openai",
        "xai",
    }
    assert set(load_catalogue().providers) == current
    assert listed("bedrock", "amazon.nova-reel-v1:0").categories == {"video"}
    assert listed("bedrock", "amazon.titan-image-generator-v2:0").categories == {"image"}
    assert listed("ollama", "qwen3-embedding:4b").categories == {"embedding"}
    assert listed("ollama", "codegemma:7b").categories == {"chat", "code"}


def test_every_entry_holds_together() -> None:
    for entry in ENTRIES:
        check(entry)


def check(entry: Entry) -> None:
    assert entry.name.strip() == entry.name != ""
    assert entry.categories
    assert entry.categories <= set(CATEGORIES)
    assert set(entry.capabilities) <= set(CAPABILITIES)
    assert set(entry.roles) <= set(ROLES)
    limits = (entry.limits.context_tokens, entry.limits.max_input_tokens, entry.limits.max_output_tokens)
    assert all(limit is None or limit > 0 for limit in limits)  # unknown is None, never zero
    whole, *parts = limits
    assert whole is None or all(part is None or part <= whole for part in parts)
    if entry.price is not None:
        assert entry.price.input_usd > 0
        assert entry.price.output_usd > 0
        assert entry.price.cached_usd is None or 0 < entry.price.cached_usd <= entry.price.input_usd
    if entry.retires is not None:
        assert date(2024, 1, 1) < entry.retires < date(2035, 1, 1)
    if entry.is_deprecated or entry.retires:
        assert not entry.roles
    if entry.roles:
        assert ("embedding" in entry.roles) == ("embedding" in entry.categories)


def test_every_fact_names_its_source_and_its_day() -> None:
    sources = load_catalogue().sources
    said = {source for entry in ENTRIES for source in entry.sources.values()}
    assert said <= set(sources)
    for source in sources.values():
        assert source.name
        assert source.url
        assert date(2026, 1, 1) <= source.read <= recorded_day()
    for entry, row in zip(ENTRIES, ROWS, strict=True):
        fields = [field for facts in row["facts"].values() for field in facts]
        assert sorted(fields) == sorted(set(fields)) == sorted(entry.sources)
        assert not any(value is None for facts in row["facts"].values() for value in facts.values())


def test_no_model_is_there_twice() -> None:
    assert (
        len({(entry.provider, entry.model_id) for entry in ENTRIES}) == len(ENTRIES) == len(load_catalogue())
    )
    assert len(ENTRIES) > 200


@pytest.mark.parametrize(
    ("provider", "asked", "found"),
    [
        (
            "bedrock",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("bedrock", "global.anthropic.claude-opus-5", "anthropic.claude-opus-5"),
        ("bedrock", "us-gov.openai.gpt-oss-20b-1:0", "openai.gpt-oss-20b-1:0"),
        ("openai", "gpt-5-2025-08-07", "gpt-5"),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
        ("anthropic", "claude-opus-4-5-20251101", "claude-opus-4-5-20251101"),
        ("ollama", "phi3:latest", "phi3"),
    ],
)
def test_a_model_is_found_by_the_names_it_goes_by(provider: str, asked: str, found: str) -> None:
    assert listed(provider, asked).model_id == found


@pytest.mark.parametrize(
    ("provider", "asked"),
    [("openai", "gpt-99"), ("nobody", "gpt-5"), ("openai", "us.gpt-5"), ("ollama", "qwen3"), ("openai", "")],
)
def test_what_is_not_known_is_not_guessed(provider: str, asked: str) -> None:
    assert load_catalogue().find(provider, asked) is None
    assert known_limits(provider, asked) is None


def test_limits_are_kept_apart() -> None:
    assert known_limits("openai", "gpt-5") == Limits(400_000, 272_000, 128_000)
    assert known_limits("ollama", "qwen3:8b") == Limits(40_960, None, None)
    assert known_limits("ollama", "llama3.1:70b") == Limits()


def test_filters_combine() -> None:
    catalogue = load_catalogue()
    for role in ROLES:
        assert {role} <= set.intersection(*(set(entry.roles) for entry in catalogue.models(role=role)))
    coders = catalogue.models(provider="ollama", category="code", capability="tools")
    assert {entry.model_id for entry in coders} == {"qwen3-coder:30b", "qwen3-coder:480b"}
    assert catalogue.models(provider="nobody") == []
    assert listed("ollama", "qwen3-coder:30b").can("reasoning") is False
    assert listed("ollama", "mistral:7b").can("tools") is None


def test_bedrock_says_by_which_profiles_a_model_is_reached() -> None:
    assert {"us", "eu", "global"} <= set(
        listed("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0").profiles
    )
    assert all(not entry.profiles for entry in ENTRIES if entry.provider != "bedrock")


def test_loading_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; from providers.catalogue import load_catalogue; load_catalogue();"
        "heavy = ('pydantic', 'langchain_core', 'genai_prices', 'httpx', 'tomllib');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


TODAY = date(2030, 6, 1)


def in_days(days: int) -> Catalogue:
    when = date.fromordinal(TODAY.toordinal() + days).isoformat()
    row = {"provider": "openai", "id": "m", "facts": {"x": {"name": "M", "retires": when}}}
    return Catalogue({"sources": {}, "models": [row]})


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (61, None),
        (60, "retires in 60 days"),
        (1, "retires in 1 day,"),
        (0, "was retired"),
        (-9, "was retired"),
    ],
)
def test_a_model_that_goes_within_60_days_is_told_once(
    days: int, words: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = in_days(days)
    monkeypatch.setattr("providers.catalogue.retirement.load_catalogue", lambda: catalogue)
    ours, elsewhere = ModelSpec("openai", "m"), ModelSpec("openai", "m", "http://127.0.0.1:9/v1")
    notes = retirement_notes([ours, elsewhere, ours, ModelSpec("offline")], TODAY)
    assert len(notes) == (words is not None)
    assert retirement_notes([ModelSpec("openai", "m", "us-east-1")], TODAY) == [
        note.replace("openai:m", "openai:m@us-east-1") for note in notes
    ]  # a region is the maker's own place
    if words is not None:
        (entry,) = catalogue.models()
        assert notes[0].startswith(f"openai:m {words}")
        assert notes[0].endswith(f"on {entry.retires}; choose another: duograph models --provider openai")


def matches(package: str) -> bool:
    return INSTALLED.version(package) == requirements()[package]


@pytest.mark.parametrize("package", PROFILES)
def test_what_a_profile_said_stands_there_unchanged(package: str) -> None:
    if not matches(package):
        pytest.skip(f"{package} {requirements()[package]} is not installed, but {INSTALLED.version(package)}")
    said: dict[tuple[str, str, str], object] = {}
    for provider, model_id, facts in INSTALLED.profiles(package):
        for name, value in facts.items():
            said.setdefault((provider, model_id, name), value)
    taken = 0
    for row in ROWS:
        for name, value in row["facts"].get(package, {}).items():
            if name != "profiles":
                taken += 1
                assert said[row["provider"], row["id"], name] == value
    assert taken


@pytest.mark.skipif(not matches("genai-prices"), reason="another version of genai-prices is installed")
def test_prices_are_those_of_the_table_that_bills_are_reckoned_from() -> None:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415  # only with the version of the data

    entry = listed("openai", "gpt-4o")
    assert entry.price is not None
    prices = (
        get_snapshot()
        .find_provider_model("gpt-4o", None, "openai", None)[1]
        .get_prices(datetime.combine(recorded_day(), time(12), UTC))
    )
    assert prices.input_mtok == Decimal(str(entry.price.input_usd))
    assert entry.sources["price"] == "genai-prices"
    assert {entry.sources["price"] for entry in ENTRIES if entry.price} == {"genai-prices"}
    assert all(entry.price is None for entry in ENTRIES if entry.provider == "ollama")


def test_what_is_kept_by_hand_is_all_there() -> None:
    kept = read_kept()
    used = {block["source"] for block in kept["facts"]}
    assert used == set(kept["sources"])
    for block in kept["facts"]:
        for model_id in block["models"]:
            assert block["source"] in listed(block["provider"], model_id).sources.values()


def test_a_row_is_read_back_as_it_was_written() -> None:
    assert written(json.loads(DATA.read_text(encoding="utf-8"))) == DATA.read_text(encoding="utf-8")
    row = {"provider": "p", "id": "m", "facts": {"a": {"name": "M"}, "b": {"vision": False}}}
    entry = entry_of(row)
    assert (entry.can("vision"), entry.can("tools"), entry.sources) == (
        False,
        None,
        {"name": "a", "vision": "b"},
    )


@pytest.mark.slow
def test_the_same_sources_give_the_same_catalogue(tmp_path: Path) -> None:
    install = ["uv", "pip", "install", "-q", "--offline", "--no-deps", "--no-compile-bytecode"]
    install += ["--target", str(tmp_path), "-r", str(REQUIREMENTS)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    packages = Packages(tmp_path)
    missing = [name for name, version in requirements().items() if packages.version(name) != version]
    if missing:
        pytest.skip(f"not in this machine's cache: {', '.join(missing)} ({done.stderr.strip()[:200]})")
    if not matches("genai-prices"):
        pytest.skip("another version of genai-prices is installed than the catalogue was made from")
    assert written(generate(packages, recorded_day())) == DATA.read_text(encoding="utf-8")
