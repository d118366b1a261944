"""What the tools answer: structured, with schemas, and as text for those who only read."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from mcp import types
from pydantic import BaseModel, ConfigDict, Field

from memory.places import place
from serving.checks import report, verdict
from serving.text import clean, counted, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoints import Session, SessionSummary
    from memory.records import Hit
    from nodes import Result
    from sandbox import Evidence

MAX_MESSAGE_CHARS = 20_000
_WAITS = (
    "Nobody answered through this client, or it cannot ask (it lacks elicitation), so the turn waits: answer "
    "with `duograph resume {session}` where the server runs; another question in this session drops it."
)
_FAILED = frozenset({"failed", "rejected"})


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class Remembered(_Shown):
    """A record of memory that fits."""

    id: str
    score: float = Field(description="How much of the query it answers, 0 to 1.")
    kind: str
    text: str
    subject: str = ""
    source: str = Field(description="Who said it: user, the name of a model, or file.")
    told_at: datetime
    session: str = Field(default="", description="The session that told it, if one did.")
    place: str = Field(default="", description="Where it stands in a file, as guide.md:3-17.")


class MemoryFound(_Shown):
    """What `memory_search` found, best first."""

    hits: list[Remembered]


class SessionLine(_Shown):
    """A session in the list."""

    session: str
    title: str
    turns: int
    created_at: datetime
    updated_at: datetime
    status: str | None = None


class Message(_Shown):
    """A message of a session."""

    role: str
    text: str


class SessionShown(SessionLine):
    """A session in full, as far as its newest messages go."""

    messages: list[Message]
    left_out: int = Field(description="How many older messages there are.")


class SessionsFound(_Shown):
    """What `sessions` found: a list, or the one that was asked for."""

    sessions: list[SessionLine] = Field(default_factory=list)
    shown: SessionShown | None = None


def of_result(result: Result) -> types.CallToolResult:
    """The answer of a turn; the session's name is in the text, too."""
    proof = result.verification.status.replace("_", " ")
    footer = f"session {result.thread_id} · {result.status} · {proof}"
    waits = [_WAITS.format(session=result.thread_id)] if result.status == "waiting" else []
    return _answer(result, [result.answer, *waits, footer], is_error=result.status in _FAILED)


def of_evidence(evidence: Evidence) -> types.CallToolResult:
    """What running code showed."""
    return _answer(evidence, ["\n".join([*map(report, evidence.checks), verdict(evidence)])])


def of_hits(hits: Sequence[Hit]) -> types.CallToolResult:
    """What memory holds."""
    found = [
        Remembered(
            id=hit.item.id,
            score=hit.score,
            kind=hit.item.record.kind,
            text=hit.item.record.text,
            subject=hit.item.record.subject,
            source=hit.item.record.origin.source,
            told_at=hit.item.record.origin.at,
            session=hit.item.record.origin.session,
            place=place(hit.item.record),
        )
        for hit in hits
    ]
    lines = [
        f"{one.score:.2f} {one.kind} {f'{one.place}: ' if one.place else ''}{one_line(one.text)}"
        for one in found
    ]
    return _answer(MemoryFound(hits=found), ["\n".join(lines) or "Nothing was found."])


def of_sessions(found: Sequence[SessionSummary]) -> types.CallToolResult:
    """The list of sessions."""
    lines = [SessionLine(**_line(one)) for one in found]
    text = "\n".join(
        f"{one.session} · {one.updated_at:%Y-%m-%d %H:%M} UTC · {counted(one.turns, 'turn')} · "
        f"{one.status or 'unfinished'} · {one_line(one.title)}"
        for one in lines
    )
    return _answer(SessionsFound(sessions=lines), [text or "There are no sessions yet."])


def of_session(session: Session, limit: int) -> types.CallToolResult:
    """One session with its newest messages, each of a bounded length."""
    kept = session.messages[-limit:]
    messages = [Message(role=one.role, text=_clipped(one.text)) for one in kept]
    left_out = len(session.messages) - len(kept)
    shown = SessionShown(**_line(session), messages=messages, left_out=left_out)
    head = [f"(Older messages, left out: {left_out}.)"] if left_out else []
    text = "\n\n".join([*head, *(f"## {one_line(one.role)}\n\n{one.text}" for one in messages)])
    return _answer(SessionsFound(shown=shown), [text or "The session has no message."])


def error(sentence: str) -> types.CallToolResult:
    """What went wrong, in one sentence."""
    return types.CallToolResult(content=[_text(one_line(sentence))], isError=True)


def _answer(value: BaseModel, texts: Sequence[str], *, is_error: bool = False) -> types.CallToolResult:
    return types.CallToolResult(
        content=[_text(text) for text in texts],
        structuredContent=_sendable(value.model_dump(mode="json")),
        isError=is_error,
    )


def _line(session: SessionSummary) -> dict[str, Any]:
    return {"session": session.thread_id} | {
        name: getattr(session, name) for name in ("title", "turns", "created_at", "updated_at", "status")
    }


def _clipped(text: str) -> str:
    if len(text) <= MAX_MESSAGE_CHARS:
        return text
    return f"{text[:MAX_MESSAGE_CHARS]}\n(… {len(text) - MAX_MESSAGE_CHARS:,} characters more)"


def _text(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=_encodable(clean(text)))


def _encodable(text: str) -> str:
    """`text` without halves of surrogate pairs, upon which the transport would break."""
    return text.encode("utf-8", "replace").decode()


def _sendable(value: Any) -> Any:  # noqa: ANN401  # plain data of any shape
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, dict):
        return {_encodable(name): _sendable(inner) for name, inner in value.items()}
    return [_sendable(inner) for inner in value] if isinstance(value, list) else value
