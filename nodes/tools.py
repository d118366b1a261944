"""Makes the tool calls of one round, side by side and bounded. Calls no model, ever."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from langchain_core.messages import AnyMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from langgraph.types import StreamWriter

from nodes.context import Context
from nodes.cost import Cost
from nodes.limits import WALK, Walk, seconds_left
from nodes.prompting import fence
from nodes.tool_calls import (
    MADE,
    MOST_REPEATS,
    Stop,
    ToolOutcome,
    ToolUse,
    Wanted,
    identity_of,
    use_of,
)
from nodes.toolbox import Toolbox, offered
from nodes.turn import Turn, request_of, spending_of
from toolkit import AnyTool
from toolkit.protocol import MIN_CHARS
from toolkit.running import run
from toolkit.text import clip

TURN_CHARS = 120_000
"""What all results of a turn may add to a prompt, in characters: some 30,000 tokens."""

NAME = "tools"
"""The node's own name, as a run that goes on with it has it."""

_UNCERTAIN = (
    "Unknown: the process was cut off while this call was made. It may have been made, or in part, so it was "
    "not made again. Find out by looking, or tell the user."
)
_CHANGED = (
    "Not run: the tool {name} is no longer what it was when this call was decided on. Ask for it again if "
    "you still want it."
)
_NO_TIME = "Not run: no time is left in this turn."
_BEFORE = "You made this call before in this turn, so it was not made again. This is what it gave:"
_EDITED = (
    "Not made: you asked for this call twice in one round, and the user changed the first one. "
    "What that gave stands above."
)
_ABOVE = "You made this call before in this turn, so it was not made again: what it gave stands above."


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of one call."""

    outcome: ToolOutcome
    text: str
    seconds: float = 0.0
    clipped: bool = False


class Tools:
    """Answers every call of the round with exactly one message; results are data."""

    cost: ClassVar[Cost] = Cost(tool_rounds=1)

    def __init__(self, toolbox: Toolbox | None = None, *, parallel: int = 4) -> None:
        """Keep the tools.

        Args:
            toolbox: What there is.
            parallel: How many calls run at once.
        """
        self._toolbox = toolbox
        self._parallel = parallel

    async def __call__(self, state: Turn, runtime: Runtime[Context], config: RunnableConfig) -> Turn:
        """Make the calls that may be made, and say of the others why not."""
        wanted = state.get("wanted", [])
        tools = (await offered(self._toolbox, state)).tools
        again = _is_again(config)
        slots = asyncio.Semaphore(self._parallel)

        async def answer(one: Wanted) -> _Done:
            if one.act != "run":
                return _unmade(one)
            tool = tools.get(one.name)
            is_it = tool is not None and one.tool == identity_of(tool)
            # First, for what was cut off may have been made, whatever became of its tool since.
            if again and not (is_it and tool is not None and tool.info.effect != "write"):
                return _Done("uncertain", _UNCERTAIN)
            if tool is None:
                return _Done("no_tool", f"There is no tool {one.name} any more.")
            if not is_it:
                return _Done("no_tool", _CHANGED.format(name=one.name))
            async with slots:
                return await _call(state, tool, one, runtime.stream_writer)

        done = await asyncio.gather(*(answer(one) for one in wanted))
        return _update(state, wanted, done)


async def _call(state: Turn, tool: AnyTool, one: Wanted, tell: StreamWriter) -> _Done:
    """Make one call within what is left of the turn."""
    left = seconds_left(request_of(state).limits, spending_of(state))
    if left <= 0:
        return _Done("skipped", _NO_TIME)
    tell({"tool_started": use_of(one, "ok", "")})
    came = await run(tool, one.arguments, timeout_s=left)
    outcome: ToolOutcome = "given_up" if came.given_up else "error" if came.is_error else "ok"
    text = f"{one.reason}\n{came.text}" if one.reason else came.text
    done = _Done(outcome, text, round(came.seconds, 3), came.clipped)
    tell({"tool_finished": use_of(one, outcome, done.text, seconds=done.seconds, clipped=done.clipped)})
    return done


def _unmade(one: Wanted) -> _Done:
    outcomes: dict[str, ToolOutcome] = {"repeated": "repeated", "skipped": "skipped", "unknown": "no_tool"}
    return _Done(outcomes.get(one.act, "refused"), one.reason)


def _is_again(config: RunnableConfig) -> bool:
    """Whether an earlier run may have begun this very round; told once, for later rounds are new."""
    walk = config.get("configurable", {}).get(WALK)
    if not isinstance(walk, Walk) or NAME not in walk.again:
        return False
    walk.again.discard(NAME)
    return True


def _update(state: Turn, wanted: Sequence[Wanted], done: Sequence[_Done]) -> Turn:
    """One message for each call, within the room that the turn has left, and the account of it."""
    uses, exchange = list(state.get("tool_uses", [])), list(state.get("exchange", []))
    room = TURN_CHARS - sum(use.chars for use in uses)
    for at, (one, came) in enumerate(zip(wanted, done, strict=True)):
        share = max(MIN_CHARS, room // (len(wanted) - at))
        if came.outcome == "repeated":
            told, shown, cut = _before(one, uses, exchange, share)
        else:
            told, cut = clip(came.text.strip() or "It gave nothing.", share)
            shown = fence("tool_result", told)
        room -= len(told)
        status = "success" if came.outcome in {"ok", "repeated"} else "error"
        exchange.append(ToolMessage(shown, tool_call_id=one.id, name=one.name, status=status))
        uses.append(use_of(one, came.outcome, told, seconds=came.seconds, clipped=came.clipped or cut))
    return Turn(exchange=exchange, tool_uses=uses, wanted=[], tool_stop=_stop(state, uses))


def _before(
    one: Wanted, uses: Sequence[ToolUse], exchange: Sequence[AnyMessage], share: int
) -> tuple[str, str, bool]:
    """What the same call gave before: as it is kept, as the model is shown it, and whether that is cut."""
    first = next((use for use in uses if use.digest == one.same), None)
    if first is None:  # a person changed the arguments of the one before it
        return _EDITED, _EDITED, False
    shown = next(
        (
            str(message.text)
            for message in exchange
            if isinstance(message, ToolMessage) and message.tool_call_id == first.id
        ),
        "",
    )
    if len(shown) + len(_BEFORE) > share:
        return _ABOVE, _ABOVE, True
    said = f"{_BEFORE}\n{shown}"
    return said, said, False


def _stop(state: Turn, uses: Sequence[ToolUse]) -> Stop:
    """Which limit is used up, if any is."""
    limits = request_of(state).limits
    if sum(use.outcome == "repeated" for use in uses) >= MOST_REPEATS:
        return "repeats"
    is_full = sum(use.outcome in MADE for use in uses) >= limits.max_tool_calls
    if is_full or any(use.outcome == "skipped" for use in uses):
        return "calls"
    return "rounds" if state.get("tool_rounds", 0) >= limits.tool_rounds else ""
