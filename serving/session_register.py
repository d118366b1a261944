"""`duograph sessions register`: lets a LangGraph server that shares the session file list our sessions."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from checkpoints import Sessions
from serving import exits, terminal
from serving.faults import InputError
from serving.session_changes import opened
from serving.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoints import Session

GRAPH = "duograph"
_TIMEOUT_S = 10.0


def register(threads: Sequence[str], *, server: str, as_json: bool) -> int:
    """Tell a server of sessions, which it then lists and goes on with; gives the exit code.

    A server such as `langgraph dev` keeps the states of its threads in the session file, and the list of them
    elsewhere. A session that it knows already stays as it is.

    Raises:
        DatabaseError: When the database cannot be read.
        UnknownThreadError: When no session fits a name, or several do.
        InputError: When the server cannot be reached or refuses, or an id is none that servers take.
    """
    with opened(to_read=True) as saver:
        found = Sessions(saver)
        chosen = [found.show(thread) for thread in threads]
    for session in chosen:
        _check(session.thread_id)
    for session in chosen:
        _create(session, server)
    if as_json:
        terminal.json_object({"registered": [session.thread_id for session in chosen]})
    else:
        for session in chosen:
            terminal.line(session.thread_id)
    return exits.DONE


def _check(thread_id: str) -> None:
    try:
        uuid.UUID(thread_id)
    except ValueError:
        raise InputError(
            f"LangGraph servers take only UUIDs as ids, and {thread_id!r} is none: give the session one with "
            f"`duograph sessions fork {thread_id}`, and register that."
        ) from None


def _create(session: Session, server: str) -> None:
    import httpx  # noqa: PLC0415  # only who registers waits for it
    from langgraph_sdk.client import SyncLangGraphClient  # noqa: PLC0415  # the same

    try:
        # The SDK's own HTTP client asks five times, over 8 s, before it calls a server away.
        with SyncLangGraphClient(httpx.Client(base_url=server, timeout=_TIMEOUT_S)) as client:
            client.threads.create(
                thread_id=session.thread_id,
                graph_id=GRAPH,
                if_exists="do_nothing",
                metadata={"title": one_line(session.title)},
            )
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        reason = one_line(str(error)) or type(error).__name__
        raise InputError(
            f"The server {server} did not take the session ({reason}): start one with `langgraph dev`, or "
            "name it with --server URL."
        ) from None
