"""Tool calls as a turn keeps them: what the model wants called, and what came of it."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from langchain_core.messages import AIMessage
from pydantic import BaseModel, ConfigDict

from providers.protocol import Reply
from toolkit import AnyTool
from toolkit.text import clip, tidy

Act = Literal["run", "ask", "refused", "repeated", "skipped", "unknown"]
"""What becomes of a call: it is made, a person is asked, or it is answered without being made."""

ToolOutcome = Literal["ok", "error", "given_up", "refused", "repeated", "skipped", "no_tool", "uncertain"]
"""What came of a call: see `ToolUse`."""

Stop = Literal["", "rounds", "calls", "repeats"]
"""Why no more tools are offered in a turn: which limit was used up; empty while none is."""

MADE: Final = frozenset({"ok", "error", "given_up", "uncertain"})
"""The outcomes of calls that were made, or may have been."""

MOST_REPEATS: Final = 2
"""How often the same call may be asked for again in a turn before no more tools are offered."""

_EXCERPT_CHARS = 400
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ID_CHARS = 200


class ToolUse(BaseModel):
    """One tool call of a turn, and what came of it.

    Attributes:
        id: As the model named the call.
        name: The tool.
        arguments: What it was called with, as JSON, clipped.
        outcome: `ok`; `error`: the tool said so; `given_up`: it took too long; `no_tool`: there is none of
            that name; `refused`: nobody consented; `repeated`: answered from the same call before; `skipped`:
            a limit was used up; `uncertain`: the process was cut off while it was made, so it was not made
            again.
        seconds: How long it took.
        chars: The length of what the model was told.
        clipped: Whether something of the result was left out.
        excerpt: The beginning of what the model was told.
        digest: Names the call by tool and arguments: the same call has the same one.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    arguments: str = "{}"
    outcome: ToolOutcome
    seconds: float = 0.0
    chars: int = 0
    clipped: bool = False
    excerpt: str = ""
    digest: str = ""


class Wanted(BaseModel):
    """One call of a round that the model asks for.

    Attributes:
        id: Of the call, the only one of this id in the turn.
        name: The tool.
        arguments: What it shall be called with.
        act: What becomes of it.
        reason: Why it is not made, as the model is told.
        tool: Which tool it is, by `identity_of`, when the call was decided on: another one of that name is
            not called in its place.
        digest: Names the call by tool and arguments, as the tool takes them; empty where nobody looked.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    arguments: dict[str, Any]
    tool: str = ""
    act: Act = "run"
    reason: str = ""
    digest: str = ""

    @property
    def same(self) -> str:
        """What this call has in common with every other one that is the same."""
        return self.digest or digest_of(self.name, self.arguments)


def canonical(arguments: Mapping[str, Any]) -> str:
    """Arguments as JSON that does not depend on their order."""
    return json.dumps(arguments, sort_keys=True, ensure_ascii=False, default=str)


def digest_of(name: str, arguments: Mapping[str, Any]) -> str:
    """What the same call of the same tool has in common."""
    said = f"{name}\n{canonical(arguments)}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(said).hexdigest()[:32]


def use_of(wanted: Wanted, outcome: ToolOutcome, told: str, **more: Any) -> ToolUse:  # noqa: ANN401  # its fields
    """What the result says of a call."""
    return ToolUse(
        id=wanted.id,
        name=wanted.name,
        arguments=clip(canonical(wanted.arguments), _EXCERPT_CHARS)[0],
        outcome=outcome,
        chars=len(told),
        excerpt=clip(told, _EXCERPT_CHARS)[0],
        digest=wanted.same,
        **more,
    )


def identity_of(tool: AnyTool) -> str:
    """What makes it this tool: where it comes from, what it can do, and all that it says about itself now."""
    info = tool.info
    parts = (info.source or info.category, info.fingerprint, info.effect, tool.as_schema())
    said = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def key_of(name: str, identity: str, thread: str) -> str:
    """What a person allows for a session: the very tool that was asked about, by `identity_of`."""
    said = f"{thread}\n{name}\n{identity}"
    return f"{name}:{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def asked_for(reply: Reply, taken: Sequence[str]) -> tuple[AIMessage, list[Wanted]]:
    """The calls of a reply, each with a name and an id that services take, and the message that holds them.

    Args:
        reply: Of a model that was offered tools.
        taken: The ids of the turn so far.
    """
    seen, wanted = set(taken), []
    for call in reply.tool_calls:
        name, given = str(call["name"]), str(call.get("id") or "")
        one = given if 0 < len(given) <= _ID_CHARS and given not in seen else f"call_{len(seen) + 1}"
        while one in seen:
            one += "x"
        seen.add(one)
        known = name if _NAME.fullmatch(name) else re.sub(r"[^A-Za-z0-9_-]", "_", tidy(name)[:64]) or "tool"
        wanted.append(Wanted(id=one, name=known, arguments=call.get("args") or {}))
    same = [(one.name, one.id) for one in wanted] == [(c["name"], c.get("id")) for c in reply.tool_calls]
    if same and reply.message is not None:
        return reply.message, wanted
    calls: list[Any] = [
        {"name": one.name, "args": one.arguments, "id": one.id, "type": "tool_call"} for one in wanted
    ]
    return AIMessage(reply.text, tool_calls=calls), wanted
