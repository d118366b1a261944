"""Wait until a person has decided on calls that may change something. Calls no model and no tool, ever."""

from collections.abc import Mapping
from typing import ClassVar, Final

from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from nodes.consents import ConsentAnswer, ask_about_calls, read_consent
from nodes.cost import FREE, Cost
from nodes.same_calls import digest_for
from nodes.tool_calls import Wanted, canonical, identity_of, key_of
from nodes.toolbox import Offer, Toolbox, offered
from nodes.turn import Turn
from nodes.waiting import left_when_asked, waited
from toolkit import AnyTool

MAX_ANSWERS: Final = 3
"""How many answers are taken until one can be used; then the calls are not made."""

_REJECTED = "Not run: the user did not consent to this call{why} Do not ask for it again."

_CHANGED = "The user changed the arguments to {arguments}."


class Consent:
    """Asks by one interrupt about all such calls of a round; the turn lies on disk while it waits.

    A resumed turn runs this node again from its start: up to the answer it only reads. What is decided on
    comes from the state and the tools as they are installed, the decision from whoever resumes the turn.
    """

    cost: ClassVar[Cost] = FREE

    def __init__(self, toolbox: Toolbox | None = None) -> None:
        self._toolbox = toolbox

    async def __call__(self, state: Turn, config: RunnableConfig) -> Turn:
        """Wait for the answer and note it; the time that it took does not count."""
        wanted, problem = state.get("wanted", []), ""
        asked = [one for one in wanted if one.act == "ask"]
        offer = await offered(self._toolbox, state, seconds=left_when_asked(state)) if asked else Offer()
        tools = _still(asked, offer.tools)
        answer = ConsentAnswer(decision="reject")
        if asked:
            answer = ConsentAnswer(reason=f"none of {MAX_ANSWERS} answers could be used")
            schema = ConsentAnswer.model_json_schema()
            for _ in range(MAX_ANSWERS):
                given = interrupt(ask_about_calls(asked, tools, problem), response_schema=schema)
                read = read_consent(given, asked, tools)
                if isinstance(read, ConsentAnswer):
                    answer = read
                    break
                problem = read
        thread = str(config.get("configurable", {}).get("thread_id") or "")
        allowed = [*state.get("allowed_tools", []), *_allowed(asked, answer, thread)]
        decided = [_decided(one, answer, tools) if one.act == "ask" else one for one in wanted]
        return Turn(wanted=decided, allowed_tools=list(dict.fromkeys(allowed))) | waited(state)


def _decided(one: Wanted, answer: ConsentAnswer, tools: Mapping[str, AnyTool]) -> Wanted:
    """A call as the person wants it."""
    about = answer.about(one.id)
    if about.decision == "reject":
        why = f": {about.reason.strip().rstrip('.')}." if about.reason.strip() else "."
        return one.model_copy(update={"act": "refused", "reason": _REJECTED.format(why=why)})
    if about.arguments is None:
        return one.model_copy(update={"act": "run"})
    changed = _CHANGED.format(arguments=canonical(about.arguments))
    digest = digest_for(tools.get(one.name), one.name, about.arguments)
    edited = {"arguments": about.arguments, "reason": changed, "digest": digest}
    return one.model_copy(update={"act": "run", **edited})


def _still(asked: list[Wanted], tools: Mapping[str, AnyTool]) -> dict[str, AnyTool]:
    """The tools that are still those that were asked about: a person shall not be shown another one."""
    wanted = {(one.name, one.tool) for one in asked}
    return {name: tool for name, tool in tools.items() if (name, identity_of(tool)) in wanted}


def _allowed(asked: list[Wanted], answer: ConsentAnswer, thread: str) -> list[str]:
    """What need not be asked again in this session."""
    always = [one for one in asked if answer.about(one.id).decision == "always"]
    return [key_of(one.name, one.tool, thread) for one in always]
