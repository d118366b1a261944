"""Prices: where they come from, and that an unknown one is never zero."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from genai_prices.data_snapshot import DataSnapshot, get_snapshot, set_custom_snapshot

from providers import Price, RoleModels
from providers.backends.services import OPENAI_URL
from providers.prices import LOCAL, LOCAL_SERVER, SCRIPTED, cost_usd, rate_at

# Prices change with the table; these tests read it themselves where they need a figure.
TIERED = "gpt-5.5"


def _listed(model: str) -> tuple[float, float]:
    """Read a flat price as the table has it."""
    for info in get_snapshot().find_provider(None, "openai", None).models:
        if info.id == model:
            prices = json.loads(json.dumps(vars(info.prices), default=float))
            return prices["input_mtok"], prices["output_mtok"]
    raise LookupError(model)


def test_openai_s_models_have_the_table_s_price() -> None:
    price = rate_at(OPENAI_URL, "gpt-4o")(1000)
    assert price == Price(*_listed("gpt-4o"), source="genai-prices", cached_input_usd=1.25)
    assert price.input_usd > 0
    assert price.output_usd > price.input_usd


@pytest.mark.parametrize(
    ("url", "model"),
    [
        ("https://api.groq.com/openai/v1", "llama-3.3-70b-versatile"),
        ("https://openrouter.ai/api/v1", "openai/gpt-4o"),
        ("https://API.OpenAI.com:443/v1/", "GPT-4o"),
    ],
)
def test_known_hosts_have_prices(url: str, model: str) -> None:
    price = rate_at(url, model)(1000)
    assert price is not None
    assert price.output_usd > 0


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434/v1",
        "http://127.0.0.1:1/v1",
        "http://[::1]:8000/v1",
        "http://192.168.1.7/v1",
        "http://10.0.0.3:8080",
        "http://studio.local:1234/v1",
        "http://host.docker.internal:11434/v1",
    ],
)
def test_servers_of_one_s_own_are_free(url: str) -> None:
    assert rate_at(url, "gpt-4o")(None) == LOCAL_SERVER


@pytest.mark.parametrize(
    ("url", "model"),
    [
        (OPENAI_URL, "no-such-model"),
        ("https://llm.example.com/v1", "gpt-4o"),
        ("https://api.openai.com.example.com/v1", "gpt-4o"),
        ("https://eu.api.openai.com/v1", "gpt-4o"),
        ("http://8.8.8.8/v1", "gpt-4o"),
        ("http://[bad", "gpt-4o"),
        ("https://gateway/v1", "gpt-4o"),
        (None, "gpt-4o"),
    ],
)
def test_what_nobody_knows_is_unknown_not_free(url: str | None, model: str) -> None:
    assert rate_at(url, model)(1000) is None


def test_a_model_that_also_charges_per_request_is_unknown() -> None:
    provider = get_snapshot().find_provider(None, "perplexity", None)
    charged = [m for m in provider.models if vars(m.prices).get("requests_kcount") is not None]
    assert charged
    for model in charged:
        assert rate_at("https://api.perplexity.ai", model.id)(10) is None


@pytest.mark.parametrize(
    ("url", "model"),
    [
        (OPENAI_URL, "text-embedding-3-small"),
        ("https://bedrock-runtime.us-east-1.amazonaws.com", "amazon.titan-embed-text-v2:0"),
        ("https://bedrock-runtime.us-east-1.amazonaws.com", "amazon.titan-embed-text-v1"),
    ],
)
def test_a_model_that_embeds_is_paid_for_what_it_is_sent(url: str, model: str) -> None:
    assert rate_at(url, model)(1000) is None  # as a chat model nobody knows what its answers cost
    price = rate_at(url, model, embeds=True)(1000)
    assert price is not None
    assert (price.input_usd > 0, price.output_usd, price.source) == (True, 0.0, "genai-prices")


def test_a_long_input_reaches_the_dearer_tier_and_a_bound_takes_the_dearest() -> None:
    rate = rate_at(OPENAI_URL, TIERED)
    short, long, dearest = rate(1000), rate(10_000_000), rate(None)
    assert short is not None
    assert long is not None
    assert short.input_usd < long.input_usd
    assert long == dearest


def test_money_is_per_million_tokens() -> None:
    assert cost_usd(Price(2.0, 10.0, "x"), 500_000, 100_000) == pytest.approx(2.0)


def test_cached_input_costs_what_the_table_says_of_it_or_as_the_rest() -> None:
    assert cost_usd(Price(2.0, 10.0, "x", 0.5), 1_000_000, 0, 400_000) == pytest.approx(1.2 + 0.2)
    assert cost_usd(Price(2.0, 10.0, "x"), 1_000_000, 0, 400_000) == pytest.approx(2.0)


def test_a_table_of_one_s_own_is_followed() -> None:
    set_custom_snapshot(DataSnapshot(providers=[], from_auto_update=False))
    try:
        assert rate_at(OPENAI_URL, "gpt-4o")(1) is None
    finally:
        set_custom_snapshot(None)


def test_facts_tell_a_chain_s_worst_case(tmp_path: Path) -> None:
    free, priced = tmp_path / "free.jsonl", tmp_path / "priced.jsonl"
    free.write_text('{"content": "a"}', encoding="utf-8")
    priced.write_text('{"usage": {"cost_usd": 0}}', encoding="utf-8")
    chain = (
        f"offline, scripted:{free}, scripted:{priced}, openai:m@http://127.0.0.1:9/v1, openai:m@http://e.org"
    )
    models = RoleModels({"coding": chain}, timeout_s=30)
    facts = models.facts("coding")
    # What runs in this process is tried once; a server twice, with a wait, and is asked for its window.
    assert (facts.attempts, facts.seconds) == (7, 7 * 30 + (1 + 2) + (60 + 2))
    assert facts.names == tuple(part.strip() for part in chain.split(","))
    assert facts.prices == (LOCAL, LOCAL, SCRIPTED, LOCAL_SERVER, None)
    assert models.facts("coding", "offline,offline").attempts == 2
    assert models.facts("reasoning").names == ("offline",)


def test_facts_follow_an_address_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    assert RoleModels({"coding": "openai:gpt-4o"}).facts("coding").prices == (
        Price(*_listed("gpt-4o"), source="genai-prices", cached_input_usd=1.25),
    )
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example.com/v1")
    assert RoleModels({"coding": "openai:gpt-4o"}).facts("coding").prices == (None,)


async def test_facts_of_a_role_do_not_block_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    models = await asyncio.to_thread(RoleModels, {"coding": "openai:gpt-4o"})
    with blockbuster_ctx():
        assert None not in models.facts("coding").prices


def test_the_table_is_loaded_only_for_a_host_that_it_may_know() -> None:
    code = (
        "import sys, providers\n"
        "models = providers.RoleModels({'coding': 'openai:m@http://127.0.0.1:9/v1,openai:m@https://e.org,offline'})\n"
        "models.facts('coding')\n"
        "print([name for name in sys.modules if name.startswith(('genai_prices', 'langchain_openai'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
