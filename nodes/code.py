"""The coding model at work: a solution as whole files, or a repaired one."""

from typing import ClassVar

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from nodes.asking import ask
from nodes.cost import Cost
from nodes.fences import solution_files, with_unchanged
from nodes.prompting import fence, prompt
from nodes.recollection import fenced, recalled_in, with_rules
from nodes.show import show_failure, show_files
from nodes.turn import Turn, request_of
from providers.protocol import Models, Reply
from sandbox.evidence import SourceFile


class Code:
    """Asks the coding role once per candidate."""

    cost: ClassVar[Cost] = Cost(coding=1)

    def __init__(self, models: Models) -> None:
        self._models = models

    async def __call__(self, state: Turn) -> Turn:
        """Write the files; a failure of the models ends the turn with what there is."""
        reply = await ask(self._models, state, "coding", _messages(state), step="code")
        if not isinstance(reply, Reply):
            return reply
        return Turn(calls=reply.calls, files=with_unchanged(solution_files(reply.text), _before(state)))


def _before(state: Turn) -> list[SourceFile]:
    """The files that the coder was shown: its last ones, or those that the request starts from."""
    return request_of(state).base if state.get("evidence") is None else state.get("files", [])


def _messages(state: Turn) -> list[BaseMessage]:
    """What the coder sees: the request, the plan and the tests; for a repair also what failed."""
    request = request_of(state)
    evidence, diagnosis = state.get("evidence"), state.get("diagnosis")
    recalled = recalled_in(state)
    parts = [
        fenced(recalled),
        fence("request", request.text),
        fence("plan", state.get("plan", "")),
        fence("tests", request.tests),
        fence("solution", show_files(_before(state))),
    ]
    if evidence is not None:
        parts += [
            fence("failure", show_failure(evidence)),
            fence("diagnosis", diagnosis.show() if diagnosis else ""),
        ]
    rules = prompt("code" if evidence is None else "repair")
    return [SystemMessage(with_rules(rules, recalled)), HumanMessage("\n\n".join(filter(None, parts)))]
