"""What follows from facts: categories, and the roles that a model suits. See `README.md`."""

from __future__ import annotations

import re
from typing import Any

SOURCE = "rule"

_CODE = re.compile(r"code|codex|coder|codestral|devstral|grok-build", re.IGNORECASE)
_NO_MODEL_OF_OURS = re.compile(
    r"guard|ocr|transcribe|moderation|realtime|-live-|computer-use|robotics|whisper|lyria|deep-research",
    re.IGNORECASE,
)
_SIZE = re.compile(r"[:-](\d+(?:\.\d+)?)([bm])\b", re.IGNORECASE)
_CHEAP_USD = 2.0
_SMALL_BILLIONS = 9.0
_LONG_ANSWER = 16_000


def categories(model_id: str, facts: dict[str, Any]) -> list[str]:
    """Say what a model is made for.

    Args:
        model_id: Its id; only there stands whether it embeds or is made for code.
        facts: With `makes`, the kinds of output, and `reasoning`.

    Returns:
        Its categories; none for one that only hears, speaks, guards, reads pages or works by itself.
    """
    if "embed" in model_id:
        return ["embedding"]
    if _NO_MODEL_OF_OURS.search(model_id):
        return []
    makes = facts.get("makes", [])
    found = [kind for kind in ("image", "video") if kind in makes]
    if "text" in makes and not found:
        found.append("chat")
        if _CODE.search(model_id):
            found.append("code")
        if facts.get("reasoning"):
            found.append("reasoning")
    return found


def roles(model_id: str, facts: dict[str, Any]) -> list[str]:
    """Say which roles a model suits.

    Args:
        model_id: Its id, in which an open model's size stands.
        facts: All that is known of it.

    Returns:
        Its roles; none when its provider advises against it, or it retires.
    """
    kinds = set(facts["categories"])
    if facts.get("is_deprecated") or "retires" in facts:
        return []
    found = ["embedding"] if "embedding" in kinds else []
    if "chat" not in kinds:
        return found
    if "reasoning" in kinds:
        found.append("reasoning")
    if "code" in kinds or _is_able(kinds, facts):
        found.append("coding")
    if is_small(model_id, facts):
        found.append("background")
    return found


def _is_able(kinds: set[str], facts: dict[str, Any]) -> bool:
    """Say whether a model that was not made for code can be expected to write a whole solution."""
    if not facts.get("tools") or facts.get("max_output_tokens", 0) < _LONG_ANSWER:
        return False
    return "reasoning" in kinds or facts.get("price", {}).get("output_usd", 0.0) > _CHEAP_USD


def is_small(model_id: str, facts: dict[str, Any]) -> bool:
    """Say whether a model is cheap: by its price, or where it has none by its size."""
    if price := facts.get("price"):
        return bool(price["output_usd"] <= _CHEAP_USD)
    size = _SIZE.search(model_id)
    return size is not None and (size[2].lower() == "m" or float(size[1]) <= _SMALL_BILLIONS)
