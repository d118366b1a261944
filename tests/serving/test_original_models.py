"""The 49 models that Duograph began with, family by family, as `duograph models --json` prints them."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from datetime import date
from typing import Any

import pytest

from serving.commands import duograph
from serving.options import Shell
from serving.signals import Signals

CLAUDE = "anthropic.claude-"
FAMILIES: dict[tuple[str, str], tuple[str, ...]] = {
    ("bedrock", "Claude 3"): tuple(
        f"{CLAUDE}3-{name}-v1:0" for name in ("opus-20240229", "sonnet-20240229", "haiku-20240307")
    ),
    ("bedrock", "Claude 3.5"): (f"{CLAUDE}3-5-sonnet-20241022-v2:0", f"{CLAUDE}3-5-haiku-20241022-v1:0"),
    ("bedrock", "Claude 3.7"): (f"{CLAUDE}3-7-sonnet-20250219-v1:0",),
    ("bedrock", "Claude 4"): (f"{CLAUDE}sonnet-4-20250514-v1:0", f"{CLAUDE}opus-4-20250514-v1:0"),
    ("bedrock", "Claude 4.5"): (
        f"{CLAUDE}sonnet-4-5-20250929-v1:0",
        f"{CLAUDE}haiku-4-5-20251001-v1:0",
    ),
    ("bedrock", "Nova"): tuple(
        f"amazon.nova-{name}-v1:0" for name in ("pro", "lite", "micro", "premier", "canvas", "reel")
    ),
    ("bedrock", "Titan Image"): ("amazon.titan-image-generator-v2:0",),
    ("ollama", "Qwen3"): tuple(f"qwen3:{size}" for size in ("0.6b", "1.7b", "4b", "8b", "14b", "30b", "32b")),
    ("ollama", "Qwen3-Coder"): ("qwen3-coder:30b", "qwen3-coder:480b"),
    ("ollama", "Qwen3-Embedding"): tuple(f"qwen3-embedding:{size}" for size in ("0.6b", "4b", "8b")),
    ("ollama", "Llama 3.x"): ("llama3.1:8b", "llama3.1:70b", "llama3.2:1b", "llama3.2:3b", "llama3.3:70b"),
    ("ollama", "Phi-4"): ("phi4:14b", "phi4-mini:3.8b"),
    ("ollama", "Gemma 3"): tuple(f"gemma3:{size}" for size in ("1b", "4b", "12b", "27b")),
    ("ollama", "CodeGemma"): ("codegemma:2b", "codegemma:7b"),
    ("ollama", "DeepSeek"): ("deepseek-r1:8b", "deepseek-r1:32b", "deepseek-coder:6.7b", "deepseek-coder-v2"),
    ("ollama", "Mistral"): ("mistral:7b", "mistral-small:24b"),
    ("ollama", "Devstral"): ("devstral:24b",),
}
MEMBERS = [(provider, name) for (provider, _), names in FAMILIES.items() for name in names]
MAKES = {"nova-canvas": "image", "titan-image": "image", "nova-reel": "video", "qwen3-embedding": "embedding"}
LIMITS = ("context_tokens", "max_input_tokens", "max_output_tokens")
# Of these no page that we could read says how much fits in; the server does, when it is asked.
NOBODY_SAYS = {
    "amazon.nova-reel-v1:0",
    "amazon.titan-image-generator-v2:0",
    "codegemma:7b",
    "deepseek-r1:32b",
    "deepseek-r1:8b",
    "llama3.1:70b",
    "llama3.2:1b",
    "mistral-small:24b",
    "mistral:7b",
    "qwen3-embedding:8b",
    "qwen3:30b",
    "qwen3:4b",
}


@pytest.fixture(scope="module")
def printed() -> dict[str, Any]:
    with redirect_stdout(io.StringIO()) as written:
        action = duograph.main(["models", "--json"], "duograph", standalone_mode=False, obj=Shell(Signals()))
        assert int(action()) == 0
    answer: dict[str, Any] = json.loads(written.getvalue())
    return answer


@pytest.fixture(scope="module")
def models(printed: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(model["provider"], model["id"]): model for model in printed["models"]}


def test_there_are_17_of_bedrock_and_32_of_ollama() -> None:
    assert [provider for provider, _ in MEMBERS].count("bedrock") == 17
    assert [provider for provider, _ in MEMBERS].count("ollama") == 32
    assert len(set(MEMBERS)) == 49


@pytest.mark.parametrize(("provider", "name"), MEMBERS)
def test_each_member_is_there_with_what_is_known_and_who_says_so(
    provider: str, name: str, printed: dict[str, Any], models: dict[tuple[str, str], dict[str, Any]]
) -> None:
    model = models[provider, name]
    wanted = next((kind for part, kind in MAKES.items() if part in name), None)
    assert model["categories"] == [wanted] if wanted else set(model["categories"]) & {"chat", "code"}
    assert any(model[limit] for limit in LIMITS) == (name not in NOBODY_SAYS)
    if provider == "bedrock" and not wanted:
        assert model["capabilities"]["tools"] is True
        assert all(model[limit] for limit in LIMITS)
        assert model["price"]["input_usd"] > 0
    if provider == "ollama":
        assert model["price"] is None  # a model of your own has none
    known = {"name", "categories", *model["capabilities"], *(limit for limit in LIMITS if model[limit])}
    known |= {field for field in ("price", "retires") if model[field]}
    assert known <= set(model["sources"])
    for field in known:
        source = printed["sources"][model["sources"][field]]
        assert source["name"]
        assert source["url"]
        assert date.fromisoformat(source["read"]).year >= 2025
