"""The backend `bedrock:MODEL[@REGION or ENDPOINT]`: Amazon Bedrock's Converse API."""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from providers.backend import Backend, ModelSpec, Sampling, Server, Wiring
from providers.backends.anthropic import claude_sampling
from providers.environment import key as environment_key
from providers.prices import Rate, rate_at
from providers.protocol import ModelConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

KEY_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"

_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
_REGION_IN_HOST = re.compile(r"\bbedrock-runtime(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.")
PREFIXES = ("us-gov", "us", "eu", "apac", "jp", "au", "ca", "in", "sa", "amer", "global")
# Which inference profiles serve a region, nearest first; the first part of its name that fits decides.
_PROFILES_OF_REGION = (
    ("us-gov-", ("us-gov",)),
    ("us-", ("us", "global")),
    ("ca-", ("ca", "us", "global")),
    ("eu-", ("eu", "global")),
    ("ap-northeast-1", ("jp", "apac", "global")),
    ("ap-northeast-3", ("jp", "apac", "global")),
    ("ap-southeast-2", ("au", "apac", "global")),
    ("ap-southeast-4", ("au", "apac", "global")),
    ("ap-south-", ("in", "apac", "global")),
    ("ap-", ("apac", "global")),
    ("", ("global",)),
)


def region(spec: ModelSpec) -> tuple[str, str]:
    """Find the region and who says so.

    The spec's comes first, then the one in its endpoint's name, `AWS_REGION`, `AWS_DEFAULT_REGION`, and the
    AWS configuration file with the profile in `AWS_PROFILE`.

    Returns:
        The region, or empty; and the variable or file that named it, or empty.
    """
    place = spec.base_url or ""
    if place and "://" not in place:
        return place, ""
    if found := _REGION_IN_HOST.search(place):
        return found[1], ""
    for name in _REGION_VARIABLES:
        if value := os.environ.get(name, "").strip():
            return value, name
    return _configured_region()


def _configured_region() -> tuple[str, str]:
    path = Path(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config")
    profile = os.environ.get("AWS_PROFILE") or "default"
    config = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        config.read(path.expanduser(), encoding="utf-8")
    except (OSError, RuntimeError, configparser.Error, UnicodeDecodeError):
        return "", ""
    section = "default" if profile == "default" else f"profile {profile}"
    found = config.get(section, "region", fallback="").strip()
    return found, f"{path}" if found else ""


def server(spec: ModelSpec, wiring: Wiring) -> Server:
    """Tell where requests go: the spec's endpoint, else the region's.

    Args:
        spec: The model.
        wiring: Its key, a Bedrock API key, comes before `AWS_BEARER_TOKEN_BEDROCK`; without one the AWS
            credentials sign the requests.
    """
    place, (name, source) = spec.base_url or "", region(spec)
    url = place if "://" in place else f"https://bedrock-runtime.{name}.amazonaws.com"
    return Server(url, source, environment_key((KEY_VARIABLE,), wiring.keys.get("bedrock")))


def check(spec: ModelSpec, wiring: Wiring) -> None:
    """Refuse what cannot work, without importing the client; credentials are looked for at the first call.

    Raises:
        ModelConfigError: When the package or the region is missing, or a key would travel in clear.
    """
    if importlib.util.find_spec("langchain_aws") is None:
        raise ModelConfigError(
            f"{spec} needs the package langchain-aws; run: pip install 'duograph[bedrock]'"
        )
    if not region(spec)[0]:
        written = f"{spec}@us-east-1" if spec.base_url is None else "AWS_REGION=us-east-1"
        raise ModelConfigError(f"{spec} needs a region; set AWS_REGION, or write it down: {written}")
    target = server(spec, wiring)
    if target.key is not None and (target.url or "").startswith("http://"):
        raise ModelConfigError(
            f"{spec}: a Bedrock API key is sent to https:// addresses only; use one, or unset "
            f"{KEY_VARIABLE}, so that AWS credentials sign the requests."
        )
    if spec.model.startswith("arn:") and "application-inference-profile" in spec.model:
        raise ModelConfigError(
            f"{spec} is an application inference profile, which does not say what model it is; "
            "name the model or its own inference profile."
        )


def price(spec: ModelSpec, wiring: Wiring) -> Rate:
    """Tell what the model costs where its requests go."""
    return rate_at(server(spec, wiring).url, spec.model)


def profile_id(model: str, region_name: str, known: Collection[str]) -> str:
    """Bring a bare model id to the inference profile that serves it in a region.

    Args:
        model: The id as the user wrote it; one with a prefix, and an ARN, is left alone.
        region_name: Such as `eu-central-1`.
        known: All ids that are known.

    Returns:
        The id to ask for.

    Raises:
        ModelConfigError: When the model has profiles, but none that serves this region.
    """
    if model.startswith("arn:") or model.partition(".")[0] in PREFIXES:
        return model
    offered = [prefix for prefix in PREFIXES if f"{prefix}.{model}" in known]
    serving = next(prefixes for start, prefixes in _PROFILES_OF_REGION if region_name.startswith(start))
    found = next((prefix for prefix in serving if prefix in offered), None)
    if found:
        return f"{found}.{model}"
    # Claude has never been served by its bare id since version 3.5; others may be, in one region or another.
    if offered and model.startswith("anthropic."):
        raise ModelConfigError(
            f"bedrock:{model} has no inference profile for {region_name}; "
            f"there are {', '.join(f'{prefix}.{model}' for prefix in offered)}: name one with its region."
        )
    return model


def build(spec: ModelSpec, wiring: Wiring) -> Backend:
    """Make the chat model with a connection pool of its own; imports the client, so call it off the loop.

    Raises:
        ModelConfigError: When the package, the region or an inference profile is missing.
    """
    check(spec, wiring)
    from langchain_aws.data._profiles import _PROFILES  # noqa: PLC0415 - heavy

    from providers.backends.bedrock_chat import make_chat  # noqa: PLC0415 - heavy

    model = profile_id(spec.model, region(spec)[0], _PROFILES)
    endpoint = spec.base_url if "://" in (spec.base_url or "") else None
    key = server(spec, wiring).key
    chat, aclose = make_chat(model, region(spec)[0], endpoint, key, wiring.timeouts)
    profile = chat.profile or {}
    taken = profile.get("temperature", True)
    return Backend(
        chat,
        aclose,
        output_limit=partial(_output_limit, profile.get("max_output_tokens") or 4096),
        sampling=partial(claude_sampling if "claude" in model else _sampling, taken=taken),
        json_schema=_json_schema if profile.get("structured_output") else None,
    )


def _output_limit(largest: int, limit: int) -> dict[str, Any]:
    return {} if limit > largest else {"max_tokens": limit}


def _sampling(sampling: Sampling, *, taken: bool) -> dict[str, Any]:
    """Converse knows temperature and top_p only; what a model takes besides is its own."""
    names = ("temperature", "top_p") if taken else ()
    return {name: value for name in names if (value := getattr(sampling, name)) is not None}


def _json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    named = {"name": str(schema.get("title") or "answer"), "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": named}}
