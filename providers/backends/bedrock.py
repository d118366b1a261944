"""The backend `bedrock:MODEL[@REGION or ENDPOINT]`: Amazon Bedrock's Converse API."""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from providers.backend import Backend, ModelSpec, Sampling, Server, Wiring
from providers.backends.anthropic import claude_sampling
from providers.backends.bedrock_names import profile_id, read_name
from providers.backends.connections import kept_open
from providers.place import is_on_this_machine
from providers.prices import Rate, always, rate_at
from providers.protocol import ModelConfigError

KEY_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"

_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
_REGION_IN_HOST = re.compile(r"\bbedrock-runtime(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.")


def region(spec: ModelSpec) -> tuple[str, str]:
    """Find the region and who says so.

    The spec's comes first, then the one in its endpoint's name, that of an ARN, `AWS_REGION`,
    `AWS_DEFAULT_REGION`, and the AWS configuration file with the profile in `AWS_PROFILE`.

    Returns:
        The region, or empty; and the variable or file that named it, or empty.
    """
    place = spec.base_url or ""
    if place and "://" not in place:
        return place, ""
    if found := _REGION_IN_HOST.search(place):
        return found[1], ""
    if spec.model.startswith("arn:") and (told := read_name(spec.model).region):
        return told, ""
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
    key = wiring.keys.get("bedrock") or SecretStr(os.environ.get(KEY_VARIABLE, "").strip())
    return Server(url, source, key if key.get_secret_value() else None)


def check(spec: ModelSpec, wiring: Wiring) -> None:
    """Refuse what cannot work, without importing the client; credentials are looked for at the first call.

    Raises:
        ModelConfigError: When the package or the region is missing, the ARN is wrong or of another region, or
            a key would travel in clear.
    """
    if importlib.util.find_spec("langchain_aws") is None:
        raise ModelConfigError(
            f"{spec} needs the package langchain-aws; run: pip install 'duograph[bedrock]'"
        )
    told = read_name(spec.model).region
    if told and region(spec)[0] != told:
        raise ModelConfigError(
            f"{spec} asks {region(spec)[0]}, and its ARN is of {told}; leave the region out."
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


def price(spec: ModelSpec, wiring: Wiring) -> Rate:
    """Tell what the model costs where its requests go; not where an ARN does not say what model it is."""
    name, url = read_name(spec.model), server(spec, wiring).url
    if is_on_this_machine(url) or (name.behind and not name.by_the_hour):
        return rate_at(url, name.behind)
    return always(None)


def build(spec: ModelSpec, wiring: Wiring) -> Backend:
    """Make the chat model with a connection pool of its own; imports the client, so call it off the loop.

    Raises:
        ModelConfigError: When the package, the region or an inference profile is missing.
    """
    check(spec, wiring)
    from langchain_aws.data._profiles import _PROFILES  # noqa: PLC0415 - heavy

    from providers.backends.bedrock_chat import make_chat  # noqa: PLC0415 - heavy

    name = read_name(spec.model)
    asked = profile_id(name.asked, region(spec)[0], _PROFILES)
    endpoint = spec.base_url if "://" in (spec.base_url or "") else None
    chat, pool = make_chat(
        replace(name, asked=asked), region(spec)[0], endpoint, server(spec, wiring).key, wiring.timeouts
    )
    profile = chat.profile or {}
    taken = profile.get("temperature", True)
    # Of a model that nobody names: what Claude takes every other model takes too.
    is_strict = not name.behind or "claude" in name.behind
    backend = Backend(
        chat,
        pool.aclose,
        output_limit=partial(_output_limit, profile.get("max_output_tokens") or 4096),
        sampling=partial(claude_sampling if is_strict else _sampling, taken=taken),
        json_schema=_json_schema if profile.get("structured_output") else None,
    )
    return kept_open(backend, pool)


def _output_limit(largest: int, limit: int) -> dict[str, Any]:
    return {} if limit > largest else {"max_tokens": limit}


def _sampling(sampling: Sampling, *, taken: bool) -> dict[str, Any]:
    """Converse knows temperature and top_p only; what a model takes besides is its own."""
    names = ("temperature", "top_p") if taken else ()
    return {name: value for name in names if (value := getattr(sampling, name)) is not None}


def _json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    named = {"name": str(schema.get("title") or "answer"), "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": named}}
