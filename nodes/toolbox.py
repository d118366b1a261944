"""Which tools a turn may use, and what becomes of each call that a model asks for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from langchain_core.messages import AIMessage

from nodes.limits import seconds_left
from nodes.same_calls import digest_for
from nodes.specialists import specialist_of
from nodes.tool_calls import MADE, Wanted, identity_of, key_of
from nodes.turn import Request, Turn, request_of, spending_of
from toolkit import AnyTool

ANY: Final = "*"
"""How a name ends that stands for all names with that beginning."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be had in a turn.

    Attributes:
        tools: By name.
        notes: A sentence on whatever could not be had.
        standing: The same on what is left out every time; a session is told of it once.
    """

    tools: Mapping[str, AnyTool] = field(default_factory=dict)
    notes: Sequence[str] = ()
    standing: Sequence[str] = ()


class Toolbox(Protocol):
    """The tools of an installation."""

    @property
    def names(self) -> Sequence[str]:
        """What they are called; `SERVER__*` stands for whatever a server announces when it is asked."""
        ...

    @property
    def lent(self) -> Sequence[str]:
        """What specialists bring beside them, by name."""
        ...

    @property
    def longest_s(self) -> float:
        """Seconds after which the most patient of them is given up."""
        ...

    async def tools(self, request: Request, *, seconds: float, anew: bool = False) -> Offer:
        """Give them for one turn: some are its user's own.

        Args:
            request: What the turn is about, and which tools its caller chose.
            seconds: What is left of the turn.
            anew: Whether servers are asked what they offer, as at the start of a turn; else what they said
                last will do.
        """
        ...


def effective(installed: Sequence[str], chosen: Sequence[str] | None) -> tuple[str, ...]:
    """The names that a turn may use, in the installation's order.

    Args:
        installed: What there is.
        chosen: What the run's caller chose; None for all.
    """
    return tuple(name for name in installed if chosen is None or name in chosen)


async def offered(
    toolbox: Toolbox | None, state: Turn, *, seconds: float | None = None, anew: bool = False
) -> Offer:
    """The tools of a turn by name, in the installation's order.

    Args:
        toolbox: What there is.
        state: The turn so far.
        seconds: What is left of it, where its clock stands still.
        anew: Whether servers are asked again what they offer.
    """
    request = request_of(state)
    if toolbox is None or not request.limits.tool_rounds or request.tools == []:
        return Offer()
    left = seconds_left(request.limits, spending_of(state)) if seconds is None else seconds
    offer = await toolbox.tools(request, seconds=max(left, 0.0), anew=anew)
    chosen = None if request.tools is None else expanded(request.tools, offer.tools)
    own = effective(expanded(toolbox.names, offer.tools), chosen)
    names = (*own, *lent_for(toolbox, request))
    missing = [
        f"The tool {name}, which this run chose, could not be offered."
        for name in chosen or ()
        if name not in names and name not in toolbox.lent
    ]
    tools = {name: offer.tools[name] for name in names if name in offer.tools}
    return Offer(tools, (*offer.notes, *missing, *_untold(offer.standing, state)))


def _untold(notes: Sequence[str], state: Turn) -> list[str]:
    """Those that no earlier answer of the session has told."""
    if not notes:
        return []
    told = [message.text for message in state.get("messages", []) if isinstance(message, AIMessage)]
    return [note for note in notes if not any(note in answer for answer in told)]


def expanded(names: Sequence[str], known: Iterable[str]) -> list[str]:
    """The same names with what is known in place of each that ends in `*`."""
    found: list[str] = []
    for name in names:
        family = name.endswith(ANY)
        found += [one for one in known if one.startswith(name[: -len(ANY)])] if family else [name]
    return list(dict.fromkeys(found))


def lent_for(toolbox: Toolbox, request: Request) -> tuple[str, ...]:
    """The names of what the request's specialist brings, or the caller chose of it; a plan gets none."""
    if request.route != "answer":
        return ()
    brought = specialist_of(request.task, request.decision.subject).tools
    return effective(toolbox.lent, brought if request.tools is None else request.tools)


def problem_with_tools(toolbox: Toolbox | None, chosen: Sequence[str] | None) -> str | None:
    """Why a caller's choice cannot be taken, in one sentence; None when it can."""
    known = [*toolbox.names, *toolbox.lent] if toolbox is not None else []
    families = tuple(name[: -len(ANY)] for name in known if name.endswith(ANY))
    # Whether a server has a tool of that name is known when it has been asked.
    wrong = next((name for name in chosen or () if name not in known and not name.startswith(families)), None)
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
    seen = {use.digest for use in uses if use.outcome not in {"skipped", "repeated", "no_tool"}}
    left = request_of(state).limits.max_tool_calls - sum(use.outcome in MADE for use in uses)
    decided = []
    for asked in wanted:
        tool = tools.get(asked.name)
        one = asked.model_copy(update={"digest": digest_for(tool, asked.name, asked.arguments)})
        if tool is None:
            said = f"There is no tool {one.name}. There are: {', '.join(tools)}."
            decided.append(one.model_copy(update={"act": "unknown", "reason": said}))
        elif one.digest in seen:
            decided.append(one.model_copy(update={"act": "repeated"}))
        elif left <= 0:
            decided.append(one.model_copy(update={"act": "skipped", "reason": OVER}))
        else:
            known = one.model_copy(update={"tool": identity_of(tool)})
            decided.append(_consented(state, known, tool, thread=thread, can_ask=can_ask))
            left -= decided[-1].act in {"run", "ask"}
            seen.add(one.digest)
    return decided


def _consented(state: Turn, one: Wanted, tool: AnyTool, *, thread: str, can_ask: bool) -> Wanted:
    """Whether a call may be made: one that may change something needs somebody's consent."""
    consent = request_of(state).limits.consent
    if tool.info.effect != "write" or consent == "allow" or not fits(tool, one.arguments):
        return one  # what does not fit is told so, and not called
    if key_of(one.name, one.tool, thread) in state.get("allowed_tools", []):
        return one
    if consent == "ask" and can_ask:
        return one.model_copy(update={"act": "ask"})
    return one.model_copy(update={"act": "refused", "reason": REFUSED})


def fits(tool: AnyTool, arguments: Mapping[str, object]) -> bool:
    """Whether a tool takes these arguments."""
    try:
        tool.schema.model_validate(dict(arguments))
    except Exception:  # noqa: BLE001  # a validator of the program's own may raise anything; the call tells
        return False
    return True


OVER = "Not run: the limit on tool calls in this turn is used up. Answer from what is known."
REFUSED = (
    "Not run: this call may change something, and nobody is there to consent. Go on without it, and tell the "
    "user what it would have done."
)
