"""The coding model at work: a solution as whole files, or a repaired one."""

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from nodes.asking import ask
from nodes.fences import solution_files
from nodes.prompting import fence, prompt
from nodes.show import show_failure, show_files
from nodes.turn import StopReason, Turn, request_of
from providers.protocol import Models, Reply


class Code:
    """Asks the coding role once per candidate."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def __call__(self, state: Turn) -> Turn:
        """Write the files; a failure of the models ends the turn with what there is."""
        reply = await ask(self._models, state, "coding", _messages(state), step="code")
        if not isinstance(reply, Reply):
            return reply
        files = solution_files(reply.text)
        if state.get("evidence") is not None and files == state.get("files"):
            return Turn(calls=reply.calls, stop_reason=StopReason.NO_PROGRESS)
        return Turn(calls=reply.calls, files=files)


def _messages(state: Turn) -> list[BaseMessage]:
    """What the coder sees: the request, the plan and the tests; for a repair also what failed."""
    request = request_of(state)
    evidence = state.get("evidence")
    parts = [
        fence("request", request.text),
        fence("plan", state.get("plan", "")),
        fence("tests", request.tests),
        fence("solution", show_files(request.base if evidence is None else state.get("files", []))),
    ]
    if evidence is not None:
        parts += [fence("failure", show_failure(evidence)), fence("diagnosis", state.get("diagnosis", ""))]
    rules = prompt("code" if evidence is None else "repair")
    return [SystemMessage(rules), HumanMessage("\n\n".join(filter(None, parts)))]
