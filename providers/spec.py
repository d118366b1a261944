"""Reads model strings: `provider:model[@BASE_URL]`, and chains of them with commas between."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from providers.backend import ModelSpec
from providers.protocol import ModelConfigError
from providers.registry import PROVIDERS
from providers.scrub import looks_like_key, quote

if TYPE_CHECKING:
    from providers.backend import Provider

_URL_START = re.compile(r"@(?=https?://)", re.IGNORECASE)
_REGION = re.compile(r"@([a-z]{2}(?:-[a-z]+)+-\d)$")
_VERSION = re.compile(r"^[^@]+@\d{4,}[\w-]*$")

__all__ = ["ModelSpec", "parse_chain", "parse_spec"]


def known_providers() -> str:
    """Return the ways to write a model string, for messages and help texts."""
    alike = [name for name, row in PROVIDERS.items() if row.syntax == f"{name}:MODEL[@BASE_URL]"]
    others = [row.syntax for name, row in PROVIDERS.items() if name not in alike]
    return f"{', '.join(others)}, and NAME:MODEL[@BASE_URL] with {', '.join(alike)}"


def parse_chain(text: str) -> tuple[ModelSpec, ...]:
    """Read a comma-separated chain; the first model is the primary one.

    Args:
        text: Such as `openai:gpt-5.4,openai:qwen3@http://localhost:11434/v1,offline`. A comma always
            separates, so neither a file path nor a URL may hold one.

    Returns:
        The specs in order, at least one.

    Raises:
        ModelConfigError: When an entry is empty or wrong.
    """
    entries = [entry.strip() for entry in text.split(",")]
    if entries == [""]:
        raise ModelConfigError(f"No model is named; write one of: {known_providers()}.")
    if "" in entries:
        raise ModelConfigError(
            f"The model chain {quote(text)} has an empty entry at place {entries.index('') + 1}; "
            "remove the extra comma."
        )
    return tuple(parse_spec(entry) for entry in entries)


def parse_spec(text: str) -> ModelSpec:
    """Read one model string.

    Args:
        text: Such as `offline`, `scripted:replies.jsonl` or `openai:gpt-5.4`.

    Returns:
        The spec; nothing is opened or imported yet.

    Raises:
        ModelConfigError: When it names no known provider, lacks or has too many parts, or its URL is bad.
    """
    text = text.strip()
    if "," in text or not text.isprintable():
        raise ModelConfigError(
            f"The model string {quote(text)} holds a comma or a control character; name exactly one model."
        )
    name, colon, rest = text.partition(":")
    name, rest = name.strip(), rest.strip()
    row = PROVIDERS.get(name)
    if row is None:
        raise _unknown(text, name, colon)
    if row.model == "none":
        if rest:
            raise ModelConfigError(f"{quote(text)} names a model, but {name} has only one; write {name}.")
        return ModelSpec(name)
    model, base_url = _split_url(text, rest, row) if row.base_url else (rest, None)
    if row.model == "name" and any(map(looks_like_key, re.split(r"[/:]", model))):
        raise ModelConfigError(
            f"The model of {name} looks like a key (it is not repeated here); write {row.syntax}, and put "
            f"the key into {row.key_variable or 'its environment variable'}."
        )
    if not model:
        raise ModelConfigError(f"{quote(text)} names no {_part(row)}; write {row.syntax}.")
    return ModelSpec(name, model, base_url)


def _part(row: Provider) -> str:
    return "file" if row.model == "file" else "model"


def _unknown(text: str, name: str, colon: str) -> ModelConfigError:
    near = difflib.get_close_matches(name.lower(), PROVIDERS, n=1)
    if near:
        advice = f"did you mean {near[0]}?"
    elif "/" in name or "\\" in name:
        advice = "a file name here cannot hold a comma."
    elif not colon:
        advice = "a model is written provider:model."
    else:
        advice = "check the part before the colon."
    where = "" if name == text else f" in {quote(text)}"
    return ModelConfigError(f"Unknown provider {quote(name)}{where}: {advice} Known: {known_providers()}.")


def _split_url(text: str, rest: str, row: Provider) -> tuple[str, str | None]:
    starts = [found.start() for found in _URL_START.finditer(rest)]
    if not starts and row.region and (found := _REGION.search(rest)):
        _refuse_spaces(text, rest)
        return rest[: found.start()], found[1]
    if not starts:
        # No model of OpenAI's own has an @ in its id, but a gateway's may end in a version such as @20240620.
        # Whatever else stands behind an @ was meant as an address, and must not end up at OpenAI instead.
        if "@" in rest[1:] and not _VERSION.search(rest):
            place = ", or be a region such as us-east-1" if row.region else ""
            raise ModelConfigError(
                f"The base URL in {quote(text)} must start with http:// or https://{place}; "
                f"write {row.syntax}."
            )
        _refuse_spaces(text, rest)
        return rest, None
    model, url = rest[: starts[-1]].strip(), rest[starts[-1] + 1 :]
    _refuse_spaces(text, model + url)
    _check_url(text, url)
    return model, url


def _refuse_spaces(text: str, value: str) -> None:
    if any(letter.isspace() for letter in value):
        raise ModelConfigError(f"The model string {quote(text)} has a space inside; remove it.")


def _check_url(text: str, url: str) -> None:
    """Refuse a URL that cannot work; one that carries a secret is not echoed."""
    if "@" in url or "?" in url or "#" in url:
        raise ModelConfigError(
            "A base URL must hold no user name, password, query or fragment; "
            "put the key into the environment variable instead (it is not repeated here)."
        )
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ModelConfigError(
            f"The base URL in {quote(text)} has no valid host and port; write it like http://localhost:11434/v1."
        )
