"""The review of code that a user brought: the evidence speaks first, then the reasoning model."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from nodes.asking import ask
from nodes.diffs import read_diff, show_diff, visible_lines
from nodes.ends import StopReason
from nodes.findings import findings_of, lines_of, place, read_findings, sort
from nodes.prompting import fence, prompt
from nodes.recollection import fenced, recalled_in, with_rules
from nodes.show import show_checks, show_numbered
from nodes.turn import Request, Turn, request_of
from providers.protocol import Models, Reply

_NO_MODEL = (
    "No model has read this code: the embedded offline model reviews nothing, so what stands here is what "
    "the checks show and no more. Connect a reasoning model for a review."
)
_SILENT = "The reasoning model gave no words for a review, so what stands here is what the checks show."


async def critique(models: Models, state: Turn) -> Turn:
    """Ask the reasoning model once what the evidence leaves open.

    Returns:
        The findings of the evidence and of the model, and the end of the review. When the model fails or a
        limit strikes, the findings of the evidence stand.
    """
    request, evidence = request_of(state), state.get("evidence")
    shown = findings_of(evidence, request.attached) if evidence and request.attached else []
    if state.get("stop_reason"):
        return Turn(verdict="stop", findings=sort(shown))
    reply = await ask(models, state, "reasoning", _messages(state), step="review")
    if not isinstance(reply, Reply):
        return _without_model(reply) | Turn(findings=sort(shown))
    summary, said = read_findings(reply.text)
    placed, dropped = place(said, _visible(request))
    if dropped:
        summary += f"\n\n({_count(dropped)} left out: no file here has the name that it gives.)"
    nothing = (
        "" if said or summary else _SILENT if not reply.text.strip() else "The model reports no findings."
    )
    return Turn(
        calls=reply.calls,
        verdict="pass",
        stop_reason=StopReason.COMPLETED,
        answer=summary.strip() or nothing,
        findings=sort([*shown, *placed]),
    )


def _count(number: int) -> str:
    return "One finding was" if number == 1 else f"{number} findings were"


def _without_model(end: Turn) -> Turn:
    """The end of a review that no model took part in; the offline model's decline is no failure."""
    calls = end.get("calls", [])
    if end.get("stop_reason") is StopReason.DECLINED and calls and calls[-1].backend == "offline":
        return Turn(calls=calls, verdict="pass", stop_reason=StopReason.COMPLETED, answer=_NO_MODEL)
    return end | Turn(verdict="stop")


def _messages(state: Turn) -> list[BaseMessage]:
    """What the reviewing model sees."""
    request, evidence, recalled = request_of(state), state.get("evidence"), recalled_in(state)
    changes = read_diff(request.diff)
    parts = (
        fenced(recalled),
        fence("request", request.text),
        fence("code", show_numbered(request.attached)),
        fence("diff", show_diff(changes)),
        fence("tests", request.tests),
        fence("evidence", show_checks(evidence) if evidence else ""),
    )
    return [
        SystemMessage(with_rules(prompt("review"), recalled)),
        HumanMessage("\n\n".join(filter(None, parts))),
    ]


def _visible(request: Request) -> Mapping[str, AbstractSet[int]]:
    """The lines that the model was shown."""
    return lines_of(request.attached) if request.attached else visible_lines(read_diff(request.diff))
