"""Reads what the sources say; only `generate.py` and its tests import this."""

from __future__ import annotations

import ast
import gzip
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
KEPT = HERE / "kept.toml"
REQUIREMENTS = HERE / "sources.txt"

Fact = tuple[str, str, dict[str, Any]]
"""Provider, model id, and what is said of it."""

PROFILES = {
    "langchain-openai": "openai",
    "langchain-anthropic": "anthropic",
    "langchain-aws": "bedrock",
    "langchain-groq": "groq",
    "langchain-xai": "xai",
    "langchain-deepseek": "deepseek",
    "langchain-mistralai": "mistral",
    "langchain-google-genai": "gemini",
}
"""LangChain's packages that hold profiles, and the provider of each."""

_URLS = {
    "langchain": "https://github.com/langchain-ai",
    "models-dev": "https://models.dev",
    "genai-prices": "https://github.com/pydantic/genai-prices",
    "litellm": "https://github.com/BerriAI/litellm",
}
_PROFILE_FIELDS = {
    "tools": "tool_calling",
    "structured_output": "structured_output",
    "vision": "image_inputs",
    "reasoning": "reasoning_output",
    "pdf_input": "pdf_inputs",
    "audio_input": "audio_inputs",
    "max_input_tokens": "max_input_tokens",
    "max_output_tokens": "max_output_tokens",
}
_LITELLM_FIELDS = {
    "tools": "supports_function_calling",
    "structured_output": "supports_response_schema",
    "vision": "supports_vision",
    "reasoning": "supports_reasoning",
    "pdf_input": "supports_pdf_input",
    "audio_input": "supports_audio_input",
    "max_input_tokens": "max_input_tokens",
    "max_output_tokens": "max_output_tokens",
    "retires": "deprecation_date",
}
_LITELLM_PREFIX = {
    "openai": "",
    "anthropic": "",
    "bedrock": "",
    "groq": "groq/",
    "xai": "xai/",
    "deepseek": "deepseek/",
    "mistral": "mistral/",
    "gemini": "gemini/",
    "minimax": "minimax/",
}
_MODELS_DEV = {"bedrock": "amazon-bedrock", "gemini": "google"}
PRICE_TABLES = {"bedrock": "aws", "gemini": "google", "xai": "x-ai"}
"""Where a provider has another name at genai-prices."""

_REGION = re.compile(r"^(us-gov|us|eu|apac|au|ca|jp|in|global)\.")


@dataclass(frozen=True, slots=True)
class Packages:
    """A folder into which the packages of `sources.txt` were installed without what they need.

    Attributes:
        folder: The folder, such as a `site-packages`.
    """

    folder: Path

    def version(self, package: str) -> str | None:
        """Return the version that lies there, or None when the package is absent."""
        stem = package.replace("-", "_")
        found = next(iter(self.folder.glob(f"{stem}-*.dist-info")), None)
        return None if found is None else found.name.removeprefix(f"{stem}-").removesuffix(".dist-info")

    def profiles(self, package: str) -> Iterator[Fact]:
        """Read the profiles of a LangChain package, which are a literal; nothing of it is run."""
        source = (self.folder / package.replace("-", "_") / "data" / "_profiles.py").read_text("utf-8")
        tables = [node for node in ast.parse(source).body if isinstance(node, ast.AnnAssign)]
        provider = PROFILES[package]
        for model_id, profile in ast.literal_eval(tables[0].value or ast.Dict([], [])).items():
            plain = _REGION.sub("", model_id) if provider == "bedrock" else model_id
            yield provider, plain, _of_profile(profile)

    def models_dev(self) -> dict[str, dict[str, Any]]:
        """Read the copy of models.dev: the models of each provider."""
        with gzip.open(self.folder / "models_dev" / "data.json.gz") as file:
            data = json.load(file)
        return {name: provider["models"] for name, provider in data.items()}

    def litellm(self) -> dict[str, dict[str, Any]]:
        """Read LiteLLM's table; the package itself is not imported."""
        path = self.folder / "litellm" / "model_prices_and_context_window_backup.json"
        table: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
        return table


def inference_profiles(packages: Packages) -> dict[str, list[str]]:
    """Say by which profiles each model of Bedrock is reached, by its plain id."""
    source = (packages.folder / "langchain_aws" / "data" / "_profiles.py").read_text("utf-8")
    tables = [node for node in ast.parse(source).body if isinstance(node, ast.AnnAssign)]
    found: dict[str, list[str]] = {}
    for model_id in ast.literal_eval(tables[0].value or ast.Dict([], [])):
        if match := _REGION.match(model_id):
            found.setdefault(_REGION.sub("", model_id), []).append(match[1])
    return {model_id: sorted(regions) for model_id, regions in found.items()}


def _of_profile(profile: dict[str, Any]) -> dict[str, Any]:
    facts = {
        ours: profile[theirs] for ours, theirs in _PROFILE_FIELDS.items() if profile.get(theirs) is not None
    }
    facts = {name: value for name, value in facts.items() if value != 0 or isinstance(value, bool)}
    makes = [kind for kind in ("text", "image", "video", "audio") if profile.get(f"{kind}_outputs")]
    if "name" in profile:
        facts |= {"name": profile["name"], "is_deprecated": profile.get("status") == "deprecated"}
    return facts | {"makes": makes}


def of_models_dev(model: dict[str, Any]) -> dict[str, Any]:
    """Read one model of models.dev."""
    limit, kinds = model.get("limit", {}), model.get("modalities", {})
    facts = {
        "name": model["name"],
        "makes": kinds.get("output", []),
        "tools": model.get("tool_call"),
        "structured_output": model.get("structured_output"),
        "reasoning": model.get("reasoning"),
        "vision": "image" in kinds["input"] if "input" in kinds else None,
        "context_tokens": limit.get("context") or None,
        "max_input_tokens": limit.get("input") or None,
        "max_output_tokens": limit.get("output") or None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def of_litellm(row: dict[str, Any]) -> dict[str, Any]:
    """Read one row of LiteLLM, which names what a model can and is silent about the rest."""
    facts = {ours: row[theirs] for ours, theirs in _LITELLM_FIELDS.items() if row.get(theirs)}
    makes = {"chat": "text", "image_generation": "image", "video_generation": "video"}.get(
        row.get("mode", "")
    )
    return facts | ({"makes": [makes]} if makes else {})


def litellm_key(provider: str, model_id: str) -> str | None:
    """Name a model as LiteLLM does, or None for a provider that is not taken from it."""
    prefix = _LITELLM_PREFIX.get(provider)
    return None if prefix is None else prefix + model_id


def models_dev_name(provider: str) -> str:
    """Name a provider as models.dev does."""
    return _MODELS_DEV.get(provider, provider)


def url_of(package: str) -> str:
    """Say where a package is kept."""
    return _URLS["langchain" if package.startswith("langchain-") else package]


def read_kept() -> dict[str, Any]:
    """Read the facts that are kept by hand."""
    return tomllib.loads(KEPT.read_text("utf-8"))


def requirements() -> dict[str, str]:
    """Read the packages and their versions from `sources.txt`."""
    lines = REQUIREMENTS.read_text("utf-8").splitlines()
    return dict(line.split("==", 1) for line in lines if line and not line.startswith("#"))
