"""`duograph sessions fork|export|import|delete`: what makes, moves and removes sessions."""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from checkpoints import Sessions
from checkpoints import export_session as exported
from checkpoints import fork as forked
from checkpoints import import_session as imported
from graph.agent_sessions import DeletedSession, LearnedFrom, delete_session
from graph.memory import open_jobs, open_memory
from graph.saver import open_sessions
from graph.settings import Settings
from graph.state import State
from serving import exits, terminal
from serving.approval import can_ask
from serving.faults import InputError
from serving.files import write_file
from serving.inputs import read_source
from serving.text import counted, one_line
from serving.there import say_empty, to_look_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checkpoints import Session, SessionSaver

MOST_BYTES = 256_000_000
"""More than any session of ours; a file beyond it is no session."""

_NAMED = 3
"""So many sessions are told of one by one."""


@contextmanager
def opened(*, to_read: bool = False, makes: bool = False) -> Iterator[SessionSaver]:
    """The session store that the settings name.

    Args:
        to_read: Whether one that may not be written will do.
        makes: Whether one that is not there is made.

    Raises:
        InputError: When it is not there, and shall be.
        DatabaseError: When it cannot be opened.
    """
    settings = Settings(user_settings=False)
    with open_sessions(settings if makes else to_look_at(settings), to_read=to_read) as saver:
        yield saver


def fork_session(thread: str, *, at: str | None, into: str | None, as_json: bool) -> int:
    """Begin another session from a step of this one and give the exit code.

    Raises:
        DatabaseError: When the database cannot be read or written.
        UnknownThreadError: When no session or step fits, or several do.
        ThreadIdError: When the new id cannot be used.
    """
    with opened() as saver:
        thread_id = Sessions(saver).find(thread)
        made = forked(saver, thread_id, at=at, into=into)
    _tell(made, {"thread_id": made, "forked_from": thread_id}, as_json=as_json)
    return exits.DONE


def export(thread: str, *, form: str, out: str | None, force: bool) -> int:
    """Write a session as JSON or Markdown and give the exit code.

    Raises:
        DatabaseError: When the database cannot be read.
        UnknownThreadError: When no session fits, or several do.
        InputError: When the file exists or cannot be written.
    """
    with opened(to_read=True) as saver:
        found = Sessions(saver)
        thread_id = found.find(thread)
        if form == "markdown":
            text = markdown(found.show(thread_id))
        else:
            text = exported(saver, thread_id).model_dump_json(indent=2)
    if out is None:
        terminal.line(text)
        return exits.DONE
    write_file(out, f"{text}\n", force=force)
    terminal.notice(f"duograph: {thread_id} is in {out}")
    return exits.DONE


def import_file(path: str, *, into: str | None, as_json: bool) -> int:
    """Store the session in a file and give the exit code.

    Raises:
        DatabaseError: When the database cannot be written.
        SessionFileError: When the file is no exported session.
        InputError: When the file cannot be read.
        ThreadIdError: When its id is taken or cannot be used.
    """
    text = read_source(path, "session", most=MOST_BYTES)
    with opened(makes=True) as saver:
        made = imported(saver, text, into=into, state=State)
    _tell(made, {"thread_id": made}, as_json=as_json)
    return exits.DONE


@dataclass(frozen=True, slots=True)
class Deleting:
    """What is to be deleted.

    Attributes:
        threads: Sessions by name.
        older_than_days: All that were not used for so long, in their place.
        is_sure: Whether nobody is asked.
        with_memory: Whether what was learned from them is forgotten too.
    """

    threads: Sequence[str]
    older_than_days: float | None = None
    is_sure: bool = False
    with_memory: bool = False


def delete(wanted: Deleting, *, as_json: bool) -> int:
    """Delete the sessions that are named, or those not used for so long, and give the exit code.

    Raises:
        MemoryStoreError: When what was learned cannot be forgotten; that session is left then.
        DatabaseError: When the database cannot be written.
        UnknownThreadError: When no session fits a name, or several do.
        InputError: When nobody can be asked and nobody said yes.
        ThreadBusyError: When a turn is running in one of them; those before it are deleted.
    """
    with opened() as saver:
        found = Sessions(saver)
        thread_ids = _chosen(found, wanted)
        if thread_ids and not wanted.is_sure and not _agrees(found, thread_ids):
            return exits.USAGE
        done = asyncio.run(_deleted(saver, thread_ids, with_memory=wanted.with_memory))
    if as_json:
        terminal.json_object(
            {
                "deleted": thread_ids,
                "forgotten": sum(one.forgotten for one in done),
                "remembered": {one.thread_id: one.remembered for one in done if one.remembered != 0},
            }
        )
    else:
        for thread_id in thread_ids:
            terminal.line(thread_id)
        if not thread_ids:
            days = f"{wanted.older_than_days:g} day{'' if wanted.older_than_days == 1 else 's'}"
            say_empty(Settings(user_settings=False), f"duograph: no session is older than {days}.")
    _tell_of_memory(done)
    return exits.DONE


def markdown(session: Session) -> str:
    """A session as a text to read."""
    head = f"# {one_line(session.title) or session.thread_id}"
    about = f"Session `{session.thread_id}`, {session.created_at:%Y-%m-%d %H:%M} UTC"
    said = [f"## {one_line(message.role)}\n\n{message.text}" for message in session.messages]
    return "\n\n".join([head, about, *said])


def _chosen(found: Sessions, wanted: Deleting) -> list[str]:
    """The ids of the sessions that are named, or were not used for so long."""
    if wanted.older_than_days is None:
        return list(dict.fromkeys(map(found.find, wanted.threads)))
    moment = datetime.now(UTC) - timedelta(days=wanted.older_than_days)
    return [summary.thread_id for summary in found.list(None) if summary.updated_at < moment]


async def _deleted(
    saver: SessionSaver, thread_ids: Sequence[str], *, with_memory: bool
) -> list[DeletedSession]:
    settings = to_look_at(Settings(user_settings=False))
    learned = LearnedFrom(open_memory(settings), open_jobs(settings), settings.user)
    try:
        return [await delete_session(saver, one, learned, with_memory=with_memory) for one in thread_ids]
    finally:
        for each in (learned.memory, learned.jobs):
            if each is not None:
                await each.aclose()


def _tell_of_memory(done: Sequence[DeletedSession]) -> None:
    """Say what of the sessions is still remembered, and how to forget it."""
    if forgotten := sum(one.forgotten for one in done):
        terminal.notice(f"duograph: forgotten with it: {counted(forgotten, 'record')}.")
    troubled = [one for one in done if one.problem]
    for one in troubled[:_NAMED]:
        terminal.notice(f"duograph: memory may still hold what {one.thread_id} taught: {one.problem}")
    if len(troubled) > _NAMED:
        terminal.notice(f"duograph: and the same of {counted(len(troubled) - _NAMED, 'more session')}.")
    held = [one for one in done if not one.problem and one.remembered]
    if len(held) > _NAMED:
        records = counted(sum(one.remembered or 0 for one in held), "record")
        terminal.notice(
            f"duograph: memory still holds {records} from {len(held)} of these sessions; to forget those of "
            "one: `duograph memory forget --session ID`, or --with-memory the next time."
        )
        return
    for one in held:
        terminal.notice(
            f"duograph: memory still holds {counted(one.remembered or 0, 'record')} from {one.thread_id}; to "
            f"forget: `duograph memory forget --session {one.thread_id}`, or --with-memory the next time."
        )


def _agrees(found: Sessions, thread_ids: Sequence[str]) -> bool:
    if not can_ask():
        raise InputError("Nobody is here to ask whether to delete: use --yes.")
    for thread_id in thread_ids:
        terminal.notice(f"{thread_id}  {one_line(found.show(thread_id).title)}")
    many = "this session" if len(thread_ids) == 1 else f"these {len(thread_ids)} sessions"
    sys.stderr.write(f"delete {many} for good? [y/n] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _tell(line: str, plain: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        terminal.json_object(plain)
    else:
        terminal.line(line)
