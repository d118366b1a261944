"""A session's history: the steps that are kept, and another session begun from one of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from checkpoints.ids import ThreadIdError, check_thread_id, new_thread_id
from checkpoints.outline import outline_of
from checkpoints.protocol import UnknownThreadError

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import CheckpointTuple

    from checkpoints.saver import SessionSaver


class Moment(BaseModel):
    """One step of a session's history, to fork from.

    Attributes:
        checkpoint_id: Its id; the first characters are enough where they are unique.
        when: When it was written, UTC.
        step: LangGraph's number of the superstep.
        turn: Which turn it belongs to, from 1: the human messages so far.
        following: The nodes that come next; none after the end of a turn.
    """

    model_config = ConfigDict(frozen=True)

    checkpoint_id: str
    when: datetime
    step: int
    turn: int
    following: tuple[str, ...] = ()


def moments(saver: SessionSaver, thread_id: str) -> list[Moment]:
    """The steps of a session that are kept, the newest first. An input that has run no node yet is none.

    Raises:
        DatabaseError: When the database cannot be read.
    """
    kept = saver.list({"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}})
    return [_moment(item) for item in kept if item.metadata.get("source") != "input"]


def fork(saver: SessionSaver, thread_id: str, *, at: str | None = None, into: str | None = None) -> str:
    """Begin another session with the state that this one had at some step; this one stays as it is.

    Args:
        saver: Has the session and will have the new one.
        thread_id: The session.
        at: A checkpoint's id, or its first 4 or more characters; the newest when left out.
        into: The new session's id; a fresh one when left out.

    Returns:
        The id of the new session.

    Raises:
        UnknownThreadError: When there is no such session or step.
        ThreadIdError: When `into` cannot name a thread or is taken.
        DatabaseError: When the database cannot be read or written.
    """
    into = free_id(saver, into)
    found, newest = checkpoint_of(saver, thread_id, at), checkpoint_of(saver, thread_id)
    if found.checkpoint["id"] != newest.checkpoint["id"]:
        found = found._replace(pending_writes=[])  # what followed is to be done anew
    put_first(saver, into, found, _with_origin(found, thread_id))
    return into


def free_id(saver: SessionSaver, wanted: str | None) -> str:
    """An id for a session to come.

    Raises:
        ThreadIdError: When the wanted one cannot name a thread or is taken.
    """
    thread_id = new_thread_id() if wanted is None else check_thread_id(wanted)
    if saver.get_tuple({"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}) is not None:
        raise ThreadIdError(f"There is a session {thread_id} already: choose another id.")
    return thread_id


def _moment(item: CheckpointTuple) -> Moment:
    checkpoint = item.checkpoint
    return Moment(
        checkpoint_id=checkpoint["id"],
        when=datetime.fromisoformat(checkpoint["ts"]).astimezone(UTC),
        step=item.metadata.get("step", 0),
        turn=max(1, outline_of(checkpoint["channel_values"]).turns),
        following=_following(item),
    )


def _following(item: CheckpointTuple) -> tuple[str, ...]:
    """The nodes that a checkpoint makes run, as LangGraph's branch channels name them."""
    seen, versions = item.checkpoint["versions_seen"], item.checkpoint["channel_versions"]
    waiting = (
        channel.removeprefix("branch:to:")
        for channel, value in item.checkpoint["channel_values"].items()
        if channel.startswith("branch:to:")
        and value is not Ellipsis
        and versions.get(channel) != seen.get(channel.removeprefix("branch:to:"), {}).get(channel)
    )
    return tuple(sorted(waiting))


def checkpoint_of(saver: SessionSaver, thread_id: str, at: str | None = None) -> CheckpointTuple:
    """One checkpoint of a session, by its id's first characters; the newest when none is named.

    Raises:
        UnknownThreadError: When there is no such session or step, or several fit.
    """
    place: RunnableConfig = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
    newest = saver.get_tuple(place)
    if newest is None:
        raise UnknownThreadError(
            f"No session has the id {thread_id!r}: `duograph sessions list` shows those there are."
        )
    if at is None:
        return newest
    fits = [item for item in saver.list(place) if item.checkpoint["id"].startswith(at)] if at else []
    if len(fits) != 1:
        what = "No step" if not fits else f"{len(fits)} steps"
        raise UnknownThreadError(
            f"{what} of session {thread_id} {'has' if not fits else 'have'} an id that begins with {at!r}: "
            f"`duograph sessions show {thread_id} --steps` lists those that are kept."
        )
    return fits[0]


def put_first(saver: SessionSaver, into: str, found: CheckpointTuple, metadata: dict[str, Any]) -> None:
    """Store a checkpoint as the first one of a thread, its pending writes with it."""
    place: RunnableConfig = {"configurable": {"thread_id": into, "checkpoint_ns": ""}}
    checkpoint = found.checkpoint
    # The id stays: tasks are named by it, and so what they had written counts for the new thread too.
    kept: Any = metadata
    stored = saver.put(place, checkpoint, kept, dict(checkpoint["channel_versions"]))
    by_task: dict[str, list[tuple[str, Any]]] = {}
    for task, channel, value in found.pending_writes or ():
        by_task.setdefault(task, []).append((channel, value))
    try:
        for task, writes in by_task.items():
            saver.put_writes(stored, writes, task)
    except BaseException:
        saver.delete_thread(into)  # whole or not at all
        raise


def _with_origin(found: CheckpointTuple, thread_id: str) -> dict[str, Any]:
    """The metadata of a fork: where it comes from; the run that made the step is not its own."""
    kept = {name: value for name, value in found.metadata.items() if name not in ("run_id", "thread_id")}
    return kept | {"forked_from": f"{thread_id}/{found.checkpoint['id']}"}
