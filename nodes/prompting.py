"""Prompts are text files beside the nodes; what others wrote goes into them fenced as data."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_TAGS = "request|plan|tests|solution|failure|diagnosis|code|diff|evidence|memory|facts|tool_result"
_TAG = re.compile(rf"<(?=/?\s*(?:{_TAGS})\s*>)", re.IGNORECASE)
_OPENED = re.compile(rf"<(?=[\s/\\]*(?:{_TAGS})\b)", re.IGNORECASE)
_PLACE = re.compile(r"\{\{(\w+)\}\}")


@cache
def prompt(name: str) -> str:
    """The text of `nodes/prompts/<name>.md`.

    Raises:
        FileNotFoundError: When there is no such prompt.
    """
    return (files("nodes") / "prompts" / f"{name}.md").read_text(encoding="utf-8").strip()


def fill(name: str, values: Mapping[str, str]) -> str:
    """A prompt with its `{{places}}` filled in one pass, so that a value cannot open another place.

    Args:
        name: The prompt.
        values: What goes where; a place that is missing here is an error.

    Raises:
        KeyError: When the prompt names a place that `values` lacks.
    """
    return _PLACE.sub(lambda match: values[match[1]], prompt(name))


def fence(tag: str, text: str) -> str:
    """`text` between `<tag>` and `</tag>`; tags of ours inside it are defused, so it cannot break out."""
    return f"<{tag}>\n{_TAG.sub('&lt;', text)}\n</{tag}>" if text.strip() else ""


def defuse(text: str) -> str:
    """`text` in which nothing looks like a tag of ours, however oddly it is written."""
    return _OPENED.sub("&lt;", text)
