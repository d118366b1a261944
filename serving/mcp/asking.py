"""Asking the person at a client that can ask (elicitation): about calls that change something, and plans."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mcp import McpError, types
from pydantic import ValidationError

from nodes import CallAnswer, ConsentAnswer, PlanAnswer
from nodes.consents import shown_as
from serving.consent import show
from serving.text import clean

if TYPE_CHECKING:
    from mcp.server.session import ServerSession

    from graph.questions import Answer
    from nodes import Result

PATIENCE_S: Final = 600.0
"""Seconds that a person has for one answer; what is asked about waits on after that, too."""

Form: TypeAlias = dict[str, Any]
Person: TypeAlias = Callable[[str, Form], Awaitable[Form | None]]
"""Asks with a text and the schema of the answer; None when there is no answer."""

_MAX_REASON: Final = 2000
_DECLINED: Final[Form] = {"decision": "reject"}


def person_at(
    session: ServerSession, request: types.RequestId, patience_s: float = PATIENCE_S
) -> Person | None:
    """Give what asks the person at a client; None where the client has no forms.

    Args:
        session: The client's.
        request: The call that is at work: over HTTP the question goes out on its stream.
        patience_s: How long to wait for an answer.
    """
    params = session.client_params
    forms = params.capabilities.elicitation if params else None
    if forms is None or (forms.form is None and forms.url is not None):
        return None

    async def ask(text: str, schema: Form) -> Form | None:
        try:
            async with asyncio.timeout(patience_s):
                answer = await session.elicit_form(text, schema, request)
        except (TimeoutError, McpError, ValidationError):  # none, or one that is no answer
            return None
        if answer.action == "accept":
            return dict(answer.content or {})
        return _DECLINED if answer.action == "decline" else None

    return ask


async def answer_of(person: Person, result: Result) -> Answer | None:
    """Ask about what a turn waits for; None when the person gives no answer, so that it goes on waiting."""
    if not result.asked:
        text = f"Shall code be written by this plan?\n\n{clean(result.plan)}"
        given = await person(text, _form("approve", "reject"))
        match _decision(given):
            case "approve":
                return PlanAnswer(decision="approve")
            case "reject":
                return PlanAnswer(decision="reject", reason=_reason(given))
            case _:
                return None
    answers: dict[str, CallAnswer] = {}
    for number, call in enumerate(result.asked, 1):
        text = f"A call that may change something:\n{show(call, number, len(result.asked))}"
        given = await person(text, _form("approve", "reject", "always"))
        match _decision(given):
            case "approve":
                answers[call["id"]] = CallAnswer(decision="approve")
            case "always":
                answers[call["id"]] = CallAnswer(decision="always")
            case "reject":
                answers[call["id"]] = CallAnswer(decision="reject", reason=_reason(given))
            case _:
                return None
    # While the person thought, another process may have put other calls in the place of these.
    return ConsentAnswer(decision="reject", calls=answers, shown=shown_as(result.asked))


def _form(*decisions: str) -> Form:
    """A flat object, which is all that clients must be able to show."""
    what = "always: approve, and do not ask again in this session." if "always" in decisions else ""
    decision = {"type": "string", "title": "Decision", "enum": list(decisions)}
    reason = {"type": "string", "title": "Reason", "description": "Why not, for the model."}
    return {
        "type": "object",
        "properties": {
            "decision": decision | ({"description": what} if what else {}),
            "reason": reason | {"maxLength": _MAX_REASON},
        },
        "required": ["decision"],
    }


def _decision(given: Form | None) -> object:
    return given.get("decision") if given else None


def _reason(given: Form | None) -> str:
    return str((given or {}).get("reason") or "")[:_MAX_REASON]
