"""What the list of sessions shows of a thread, read out of its channels' values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TITLE = 60
_ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant", "HumanMessageChunk": "user"}

ENDED = "ended"
"""The status of a session whose graph keeps no results, when nothing is left to do in it."""

_WAITING = ("branch:to:", "__start__", "__pregel_tasks")  # where LangGraph notes which nodes come next

CHANNELS = frozenset(("messages", "result"))
"""The channels that an outline is read from."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One line of the list.

    Attributes:
        title: First line of the first human message, clipped to 60 characters; empty when there is none.
        turns: Human messages.
        status: `status` of the last result, or None when the last question has none yet; `ended` when a graph
            that has no results has nothing more to do.
    """

    title: str
    turns: int
    status: str | None


def outline_of(values: Mapping[str, Any], *, turns: int | None = None) -> Outline:
    """Read the outline of a thread from the values of its root graph's channels.

    Args:
        values: By channel.
        turns: What `turns_of` says of the conversation, where that is known.
    """
    found = messages_of(values)
    asked = turns_of(found) if turns is None else turns
    first = next((message for message in found if role_of(message) == "user"), None) if asked else None
    title = "" if first is None else _title(text_of(fields_of(first).get("content")))
    # A result before the last question is that of the turn before.
    is_open = bool(found) and role_of(found[-1]) == "user"
    return Outline(title, asked, None if is_open else _standing(values))


def turns_of(messages: Sequence[Any]) -> int:
    """Count the human messages."""
    # By type first: a long thread holds thousands of messages of a few types.
    kinds = Counter(map(type, messages))
    roles = {kind: _default_role(kind) for kind in kinds}
    asked = sum(count for kind, count in kinds.items() if roles[kind] == "user")
    if None in roles.values():
        asked += sum(role_of(message) == "user" for message in messages if roles[type(message)] is None)
    return asked


def messages_of(values: Mapping[str, Any]) -> Sequence[Any]:
    """The conversation, or nothing."""
    found = values.get("messages")
    return found if isinstance(found, (list, tuple)) else []


def fields_of(message: object) -> Mapping[str, Any]:
    """Read a LangChain message, or one kept as a mapping with `role` and `content`."""
    return message if isinstance(message, dict) else vars(message) if hasattr(message, "__dict__") else {}


def role_of(message: object) -> str:
    """Who said it: `user`, `assistant`, `system`, `tool`, or another name as it was stored."""
    stored = fields_of(message)
    kind = str(stored.get("type") or stored.get("role") or "unknown")
    return _ROLES.get(kind, kind)


def text_of(content: object) -> str:
    """The text without reasoning, images or tool calls."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, (list, tuple)) else []
    texts = (block.get("text") if isinstance(block, dict) else block for block in blocks)
    return "".join(text for text in texts if isinstance(text, str))


def status_of(result: object) -> str | None:
    """The `status` of a result, whatever it is."""
    status = result.get("status") if isinstance(result, dict) else getattr(result, "status", None)
    if isinstance(status, Enum):
        status = status.value
    return None if status is None else str(status)


def _standing(values: Mapping[str, Any]) -> str | None:
    if "result" in values:
        return status_of(values["result"])
    goes_on = any(
        value is not Ellipsis and value != [] for name, value in values.items() if name.startswith(_WAITING)
    )
    return None if goes_on or not values else ENDED


def _default_role(kind: type) -> str | None:
    """The role that every message of a type has; None where each one must be looked at."""
    fields = getattr(kind, "model_fields", None) or {}
    default = getattr(fields.get("type"), "default", None)
    return _ROLES.get(default, default) if isinstance(default, str) else None


def _title(text: str) -> str:
    line = next((line for line in text.splitlines() if line.strip()), "")
    # A terminal must not obey what somebody pasted.
    if not line.isprintable():
        line = "".join(char if char.isprintable() else " " for char in line)
    shown = " ".join(line.split())
    return shown if len(shown) <= _TITLE else f"{shown[: _TITLE - 1].rstrip()}…"
