"""A finished turn as the queue of work behind the answer takes it."""

from collections.abc import Sequence
from typing import Final

from langchain_core.messages import AnyMessage

from memory.queue.turns import FinishedTurn
from memory.records import Proof
from nodes.ends import Status, StopReason
from nodes.result import Result
from nodes.telling import told
from nodes.turn import Request, Turn

MOST_OWED: Final = 5
"""Turns that were cut off just before they were handed over, and are kept for the next one."""

_TEACHES_NOTHING = (Status.REJECTED, Status.FAILED, Status.WAITING)


def finished_turn(state: Turn, thread: str) -> FinishedTurn | None:
    """What the background model is given of the turn in `state`; None where there is nothing to learn."""
    request, result = state.get("request"), state.get("result")
    if request is None or result is None or not request.memory or not _teaches(request, result):
        return None
    messages = state.get("messages", [])
    before = [message for message in messages if message.type in {"human", "ai"}][:-2]
    said = {message.type: str(message.text) for message in before[-2:]}
    if told(said.get("human", "")):
        said = {}  # what was told is a fact of its own, and may be forgotten
    return FinishedTurn(
        user=request.user,
        session=thread[:255],
        turn=last_answer(messages)[:255],
        request=request.text,
        answer=result.answer,
        task=result.task,
        proof=_proof(result),
        models=tuple(dict.fromkeys(call.model for call in result.calls if not call.error)),
        files=tuple(file.path for file in result.files),
        request_before=said.get("human", ""),
        answer_before=said.get("ai", ""),
    )


def left_behind(state: Turn, thread: str) -> list[FinishedTurn]:
    """The turns that had their answer and were cut off before the queue had them.

    Args:
        state: As the turn before left it, with the new request as its last message.
        thread: Its session.
    """
    owed = list(state.get("owed") or [])
    messages = list(state.get("messages", []))
    while messages and messages[-1].type == "human":
        messages.pop()
    answered = last_answer(messages)
    if answered and answered != state.get("learned", answered):
        before: Turn = {**state, "messages": messages}
        turn = finished_turn(before, thread)
        owed += [turn] if turn else []
    return owed[-MOST_OWED:]


def last_answer(messages: Sequence[AnyMessage]) -> str:
    """What names a turn: the id of its answer, which it keeps however often it is read again."""
    return next((message.id or "" for message in reversed(messages) if message.type == "ai"), "")


def _teaches(request: Request, result: Result) -> bool:
    """Nothing is learned from what was refused or declined, what failed, and what is about memory itself."""
    has_answer = result.status not in _TEACHES_NOTHING and result.stop_reason is not StopReason.DECLINED
    return has_answer and request.route != "knowledge"


def _proof(result: Result) -> Proof:
    if result.route == "review":
        return "none"  # what was run there is the user's code and no claim of ours
    status = result.verification.status
    return "verified" if status == "verified" else "failed" if status == "failed" else "none"
