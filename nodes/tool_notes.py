"""What the caller of a turn should know about its tools: what was refused, cut short, or left out."""

from collections.abc import Mapping
from typing import Final

from nodes.tool_calls import Stop, ToolUse, canonical
from nodes.turn import Turn, request_of
from toolkit.text import clip

_SHOWN: Final = 400
"""Characters of a call's arguments in a note."""

_STOPS: Final[Mapping[Stop, str]] = {
    "rounds": "The rounds of tool calls were used up (`max_tool_rounds` = {limits.max_tool_rounds}), so the "
    "answer rests on what was known by then.",
    "calls": "The tool calls were used up (`max_tool_calls` = {limits.max_tool_calls}), so the answer rests "
    "on what was known by then.",
    "repeats": "The model asked for the same tool call again and again, so it was asked to answer from what "
    "was known.",
}


def tool_notes(state: Turn) -> list[str]:
    """The notes, one sentence each."""
    uses, notes = state.get("tool_uses", []), [*state.get("missing_tools", [])]
    limits = request_of(state).limits
    if model := state.get("toolless"):
        notes.append(f"The model {model} takes no tools, so it was asked without them.")
    if (stop := state.get("tool_stop")) and stop in _STOPS:
        notes.append(_STOPS[stop].format(limits=limits))
    if refused := _named(uses, "refused"):
        notes.append(f"Not called, for want of consent: {refused}.{_HOW if limits.consent != 'ask' else ''}")
    if uncertain := _named(uses, "uncertain"):
        notes.append(
            f"The process was cut off while these calls were made, so they may have been made: {uncertain}."
        )
    return notes


_HOW = (
    " Such calls may change something: ask a person with `consent` = ask (`duograph chat` does so on a "
    "terminal), or switch them on with `consent` = allow."
)


_DROPPED = (
    "The turn before waited for consent to calls, which this question dropped; they were not made: {calls}."
)
_CUT = "The turn before was cut off while these calls were made, so they may have been made: {calls}."


def dropped_calls(before: Turn) -> str:
    """What the caller should know of calls that a new turn leaves behind; empty when it leaves none.

    Args:
        before: The state as the turn before left it.
    """
    wanted = before.get("wanted", [])
    if before.get("result") is not None:
        return ""  # that turn ended, and told what became of its calls
    waits = any(one.act == "ask" for one in wanted)
    left = [one for one in wanted if one.act in {"ask", "run"}]
    said = ", ".join(f"`{one.name}({clip(canonical(one.arguments), _SHOWN)[0]})`" for one in left)
    return (_DROPPED if waits else _CUT).format(calls=said) if left else ""


def _named(uses: list[ToolUse], outcome: str) -> str:
    """The calls of one outcome, each as it was asked for."""
    return ", ".join(f"`{use.name}({use.arguments})`" for use in uses if use.outcome == outcome)
