"""What a session in a file may not bring along: answers and permissions that nobody here has given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from langgraph.types import Send
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Distrust: TypeAlias = Callable[[str, Any], Any]
"""Gives what may be kept of a channel's value: the channel's name, its value."""

NOT_HERE: Final = (
    "Not run: this session came from a file, and nobody here has consented to this call. Go on without it, "
    "and tell the user what it would have done."
)
_ANSWERS: Final = "__resume__"
_INPUTS: Final = frozenset({"__start__", "__pregel_tasks"})


def unconsented(channel: str, value: Any) -> Any:  # noqa: ANN401  # whatever a channel holds
    """Give a channel's value without consent that stands in the file: a forged one would make calls.

    What was always allowed is asked about again, `consent` = allow becomes `refuse` for the turn that goes
    on, and calls that were about to be made are answered without being made. Other graphs' values stay.
    """
    if channel == "allowed_tools":
        return []
    if channel == "wanted" and isinstance(value, list | tuple):
        return [_unmade(one) for one in value]
    limits = getattr(value, "limits", None)
    if channel == "request" and isinstance(limits, BaseModel) and getattr(limits, "consent", "") == "allow":
        return value.model_copy(update={"limits": limits.model_copy(update={"consent": "refuse"})})
    return value


def _unmade(one: object) -> object:
    # Told by its fields: what a call is, is known in rooms above.
    if not isinstance(one, BaseModel) or getattr(one, "act", "") != "run":
        return one
    return one.model_copy(update={"act": "refused", "reason": NOT_HERE})


def distrusted(values: Mapping[str, Any], distrust: Distrust) -> dict[str, Any]:
    """Give the values of channels, and of inputs that stand in their place, without what is not trusted."""
    return {channel: _kept(channel, value, distrust) for channel, value in values.items()}


def unanswered(
    writes: Iterable[tuple[str, str, Any]], distrust: Distrust | None
) -> list[tuple[str, str, Any]]:
    """Give what tasks wrote, without the answers that a person is said to have given: he is asked again."""
    kept = [write for write in writes if write[1] != _ANSWERS]
    if distrust is None:
        return kept
    return [(task, channel, _kept(channel, value, distrust)) for task, channel, value in kept]


def _kept(channel: str, value: Any, distrust: Distrust) -> Any:  # noqa: ANN401  # whatever a channel holds
    if channel not in _INPUTS:
        return distrust(channel, value)
    if isinstance(value, list | tuple):
        return [_kept(channel, one, distrust) for one in value]
    if isinstance(value, Send):
        return Send(value.node, _kept(channel, value.arg, distrust))
    return distrusted(value, distrust) if isinstance(value, dict) else value
