"""Sessions as a person sees them: a list, and one in full."""

from __future__ import annotations

import difflib
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_jsonable_python

from checkpoints.ids import check_thread_id, new_thread_id
from checkpoints.outline import Outline, fields_of, messages_of, outline_of, role_of, text_of
from checkpoints.protocol import DamagedCheckpointError, SessionStore, ThreadSpan, UnknownThreadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langgraph.checkpoint.base import CheckpointTuple

__all__ = ["Session", "SessionMessage", "SessionSummary", "Sessions", "check_thread_id", "new_thread_id"]

_PREFIX = 4
_MOST = 2**31 - 1
_NEAR = 1000
_SHOWN = 60


class SessionSummary(BaseModel):
    """One line of the list.

    Attributes:
        thread_id: The thread.
        title: First line of the first human message, clipped to 60 characters; empty when there is none.
        turns: Human messages.
        created_at: Time of the oldest checkpoint, UTC.
        updated_at: Time of the newest checkpoint, UTC.
        status: `status` of the last result, or None when there is none yet; `ended` when a graph that has
            no results has nothing more to do.
    """

    model_config = ConfigDict(frozen=True)

    thread_id: str
    title: str
    turns: int
    created_at: datetime
    updated_at: datetime
    status: str | None = None


class SessionMessage(BaseModel):
    """One message of a session.

    Attributes:
        role: `user`, `assistant`, `system`, `tool`, or another name as it was stored.
        text: The text without reasoning, images or tool calls.
        when: `created_at` of the message's `additional_kwargs`, when its author noted one.
    """

    model_config = ConfigDict(frozen=True)

    role: str
    text: str
    when: datetime | None = None


class Session(SessionSummary):
    """One session in full.

    Attributes:
        messages: The conversation, oldest first.
        result: The last result as plain data, or None.
    """

    messages: list[SessionMessage]
    result: dict[str, Any] | None = None


class SessionStats(BaseModel):
    """What a session store holds.

    Attributes:
        sessions: How many.
        turns: Human messages of all.
        checkpoints: Steps that are kept, subgraphs included.
        used_bytes: What the store takes.
        free_bytes: What of that is free for what comes; None where nobody knows, as on a server.
        oldest: When the first session began, UTC; None when there is none.
        newest: When a session was used last, UTC; None when there is none.
        by_status: Sessions by the `status` of their last result; `unfinished` has none.
    """

    model_config = ConfigDict(frozen=True)

    sessions: int
    turns: int
    checkpoints: int
    used_bytes: int
    free_bytes: int | None
    oldest: datetime | None = None
    newest: datetime | None = None
    by_status: dict[str, int] = {}


class Sessions:
    """Reads sessions out of a saver. Safe to use from several threads when the saver is."""

    def __init__(self, saver: SessionStore) -> None:
        """Read from `saver`, which must stay open."""
        self._saver = saver

    def list(self, limit: int | None = 50) -> Sequence[SessionSummary]:
        """Give the sessions, the most recently used first.

        Args:
            limit: How many at most; None for all.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        most = None if limit is None else min(limit, _MOST)  # no database counts further
        found = (self._summary(span) for span in self._saver.thread_spans(most))
        return [summary for summary in found if summary is not None]

    def _summary(self, span: ThreadSpan) -> SessionSummary | None:
        """One line of the list; a damaged session hides no other."""
        outline = span.outline
        # Kept at the last message; of other graphs' turns only the last step says that they have ended.
        if outline is None or outline.status is None:
            try:
                last = self._last(span)
            except DamagedCheckpointError:
                return _line(span, Outline("(damaged)", 0, "damaged"))
            # Another process may have deleted the thread since it was listed.
            outline = None if last is None else outline_of(last.checkpoint["channel_values"])
        return None if outline is None else _line(span, outline)

    def show(self, thread_id: str) -> Session:
        """Give one session in full.

        Args:
            thread_id: The whole id, or its first 4 or more characters when no other id begins so.

        Raises:
            UnknownThreadError: When no session fits, or several do.
            DatabaseError: When the database cannot be read.
        """
        span = self._find(thread_id)
        last = self._last(span)
        if last is None:
            raise _unknown(thread_id, [])
        values = last.checkpoint["channel_values"]
        return Session(
            **_line(span, outline_of(values)).model_dump(),
            messages=[_message(message) for message in messages_of(values)],
            result=_plain(values.get("result")),
        )

    def stats(self) -> SessionStats:
        """Count what the store holds.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        found, size = self.list(None), self._saver.size()
        return SessionStats(
            sessions=len(found),
            turns=sum(summary.turns for summary in found),
            checkpoints=size.checkpoints,
            used_bytes=size.used_bytes,
            free_bytes=size.free_bytes,
            oldest=min((summary.created_at for summary in found), default=None),
            newest=max((summary.updated_at for summary in found), default=None),
            by_status=dict(Counter(summary.status or "unfinished" for summary in found)),
        )

    def find(self, thread_id: str) -> str:
        """Give the whole id of a session.

        Args:
            thread_id: As for `show`.

        Raises:
            UnknownThreadError: When no session fits, or several do.
            DatabaseError: When the database cannot be read.
        """
        return self._find(thread_id).thread_id

    def _find(self, thread_id: str) -> ThreadSpan:
        spans = self._saver.thread_spans()
        fits = [span for span in spans if span.thread_id == thread_id]
        if not fits and len(thread_id) >= _PREFIX:
            fits = [span for span in spans if span.thread_id.startswith(thread_id)]
        if not fits:
            raise _unknown(thread_id, [span.thread_id for span in spans[:_NEAR]])
        if len(fits) > 1:
            raise UnknownThreadError(
                f"{len(fits)} sessions begin with {thread_id!r}, such as {fits[0].thread_id} and "
                f"{fits[1].thread_id}: write more of the id."
            )
        return fits[0]

    def _last(self, span: ThreadSpan) -> CheckpointTuple | None:
        place = {"thread_id": span.thread_id, "checkpoint_ns": "", "checkpoint_id": span.last}
        return self._saver.get_tuple({"configurable": place})


def _unknown(thread_id: str, known: Sequence[str]) -> UnknownThreadError:
    near = difflib.get_close_matches(thread_id[:_SHOWN], known, n=1)
    hint = f"did you mean {near[0]}?" if near else "`duograph sessions list` shows those there are."
    return UnknownThreadError(f"No session has the id {thread_id[:_SHOWN]!r}: {hint}")


def _line(span: ThreadSpan, outline: Outline) -> SessionSummary:
    return SessionSummary(
        thread_id=span.thread_id,
        title=outline.title,
        turns=outline.turns,
        created_at=_made_at(span.first),
        updated_at=_made_at(span.last),
        status=outline.status,
    )


def _message(message: object) -> SessionMessage:
    """Read a LangChain message, or one kept as a mapping with `role` and `content`."""
    stored = fields_of(message)
    extra = stored.get("additional_kwargs")
    when = extra.get("created_at") if isinstance(extra, dict) else None
    return SessionMessage(role=role_of(message), text=text_of(stored.get("content")), when=_when(when))


def _made_at(checkpoint_id: str) -> datetime:
    """When a checkpoint was made, as its id says: a UUID of version 6, whose time counts from 1582."""
    try:
        ticks = uuid.UUID(checkpoint_id).hex
        since = int(ticks[:12] + ticks[13:16], 16) // 10
        return datetime(1582, 10, 15, tzinfo=UTC) + timedelta(microseconds=since)
    except (ValueError, OverflowError):
        return datetime.fromtimestamp(0, UTC)


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _when(value: object) -> datetime | None:
    try:
        return _utc(value.isoformat() if isinstance(value, datetime) else str(value)) if value else None
    except (ValueError, OverflowError):
        return None


def _plain(result: object) -> dict[str, Any] | None:
    plain = None if result is None else to_jsonable_python(result, bytes_mode="base64", fallback=str)
    return plain if isinstance(plain, dict) else None
