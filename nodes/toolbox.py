"""Which tools a turn may use, and what becomes of each call that a model asks for."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pydantic import ValidationError

from nodes.tool_calls import MADE, Wanted, digest_of, key_of
from nodes.turn import Request, Turn, request_of
from toolkit import AnyTool


class Toolbox(Protocol):
    """The tools of an installation."""

    @property
    def names(self) -> Sequence[str]:
        """What they are called."""
        ...

    @property
    def longest_s(self) -> float:
        """Seconds after which the most patient of them is given up."""
        ...

    def tools(self, request: Request) -> Sequence[AnyTool]:
        """Give them for one turn: some are its user's own."""
        ...


def effective(
    installed: Sequence[str], chosen: Sequence[str] | None, subject: Sequence[str] | None = None
) -> tuple[str, ...]:
    """The names that a turn may use, in the installation's order.

    Args:
        installed: What there is.
        chosen: What the run's caller chose; None for all.
        subject: What the subject of the request brings its own choice of; None for no such choice.
    """
    kept = [set(some) for some in (chosen, subject) if some is not None]
    return tuple(name for name in installed if all(name in some for some in kept))


def offered(toolbox: Toolbox | None, request: Request) -> dict[str, AnyTool]:
    """The tools of a turn by name."""
    if toolbox is None or not request.limits.tool_rounds:
        return {}
    names = effective(toolbox.names, request.tools)
    found = {tool.name: tool for tool in toolbox.tools(request)} if names else {}
    return {name: found[name] for name in names if name in found}


def problem_with_tools(toolbox: Toolbox | None, chosen: Sequence[str] | None) -> str | None:
    """Why a caller's choice cannot be taken, in one sentence; None when it can."""
    known = toolbox.names if toolbox is not None else ()
    wrong = next((name for name in chosen or () if name not in known), None)
    if wrong is None:
        return None
    if not known:
        return f"There is no tool {wrong!r} here: this installation offers none; name some in `tools`."
    return f"There is no tool {wrong!r} here: choose from {', '.join(known)}."


def screened(
    state: Turn, wanted: Sequence[Wanted], tools: Mapping[str, AnyTool], *, thread: str, can_ask: bool
) -> list[Wanted]:
    """Decide what becomes of each call; only the tools themselves, limits and people have a say in it.

    Args:
        state: The turn so far.
        wanted: The calls of a round.
        tools: What is offered.
        thread: The session, for which a person may have allowed a tool.
        can_ask: Whether the turn can wait for a person.
    """
    uses = state.get("tool_uses", [])
    seen = {use.digest for use in uses if use.outcome not in {"skipped", "repeated"}}
    left = request_of(state).limits.max_tool_calls - sum(use.outcome in MADE for use in uses)
    decided = []
    for one in wanted:
        digest, tool = digest_of(one.name, one.arguments), tools.get(one.name)
        if tool is None:
            said = f"There is no tool {one.name}. There are: {', '.join(tools)}."
            decided.append(one.model_copy(update={"act": "unknown", "reason": said}))
        elif digest in seen:
            decided.append(one.model_copy(update={"act": "repeated"}))
        elif left <= 0:
            decided.append(one.model_copy(update={"act": "skipped", "reason": OVER}))
        else:
            decided.append(_consented(state, one, tool, thread=thread, can_ask=can_ask))
            left -= decided[-1].act in {"run", "ask"}
            seen.add(digest)
    return decided


def _consented(state: Turn, one: Wanted, tool: AnyTool, *, thread: str, can_ask: bool) -> Wanted:
    """Whether a call may be made: one that may change something needs somebody's consent."""
    consent = request_of(state).limits.consent
    if tool.info.effect != "write" or consent == "allow" or not fits(tool, one.arguments):
        return one  # what does not fit is told so, and not called
    if key_of(tool, thread) in state.get("allowed_tools", []):
        return one
    if consent == "ask" and can_ask:
        return one.model_copy(update={"act": "ask"})
    return one.model_copy(update={"act": "refused", "reason": REFUSED})


def fits(tool: AnyTool, arguments: Mapping[str, object]) -> bool:
    """Whether a tool takes these arguments."""
    try:
        tool.schema.model_validate(dict(arguments))
    except ValidationError:
        return False
    return True


OVER = "Not run: the limit on tool calls in this turn is used up. Answer from what is known."
REFUSED = (
    "Not run: this call may change something, and nobody is there to consent. Go on without it, and tell the "
    "user what it would have done."
)
