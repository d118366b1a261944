"""`duograph sessions`: what was kept."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from checkpoints import Sessions, moments
from graph.saver import open_sessions
from graph.settings import Settings
from serving import exits, terminal
from serving.text import counted, one_line
from serving.there import say_empty, to_look_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from checkpoints import Session, SessionSummary

_COLUMNS = ("thread", "updated", "turns", "status", "title")


def list_sessions(limit: int, *, as_json: bool) -> int:
    """Print the sessions and give the exit code.

    Raises:
        DatabaseError: When the database cannot be read.
    """
    with _open() as store:
        found = store.list(limit)
    if as_json:
        terminal.json_object([summary.model_dump(mode="json") for summary in found])
    elif not found:
        say_empty(
            Settings(user_settings=False), "duograph: there are no sessions yet; `duograph ask` begins one."
        )
    elif terminal.is_terminal(sys.stdout):
        _print_table(found)
    else:
        for summary in found:
            terminal.line("\t".join(_row(summary)))
    return exits.DONE


def show_session(thread_id: str, *, as_json: bool) -> int:
    """Print one session's conversation and give the exit code.

    Raises:
        DatabaseError: When the database cannot be read.
        UnknownThreadError: When no session fits, or several do.
    """
    with _open() as store:
        session = store.show(thread_id)
    if as_json:
        terminal.json_object(session.model_dump(mode="json"))
    else:
        _print_conversation(session)
        if session.status is None:
            terminal.notice(
                f"duograph: its last turn is not finished: `duograph resume {session.thread_id}` goes on."
            )
    return exits.DONE


def show_steps(thread_id: str, *, as_json: bool) -> int:
    """Print the steps of a session that are kept, newest first, and give the exit code.

    Raises:
        DatabaseError: When the database cannot be read.
        UnknownThreadError: When no session fits, or several do.
    """
    with open_sessions(to_look_at(Settings(user_settings=False)), to_read=True) as saver:
        found = moments(saver, Sessions(saver).find(thread_id))
    if as_json:
        terminal.json_object([moment.model_dump(mode="json") for moment in found])
    else:
        for moment in found:
            following = ", ".join(moment.following) or "end"
            terminal.line(
                f"{moment.checkpoint_id}\t{_when(moment.when)}\tturn {moment.turn}\tbefore {following}"
            )
    return exits.DONE


@contextmanager
def _open() -> Iterator[Sessions]:
    """The session store that the settings name."""
    with open_sessions(to_look_at(Settings(user_settings=False)), to_read=True) as saver:
        yield Sessions(saver)


def _row(summary: SessionSummary) -> tuple[str, ...]:
    return (
        summary.thread_id,
        _when(summary.updated_at),
        str(summary.turns),
        summary.status or "unfinished",
        one_line(summary.title),
    )


def _when(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _print_table(found: Sequence[SessionSummary]) -> None:
    from rich.table import Table  # noqa: PLC0415  # a pipe need not wait for rich
    from rich.text import Text  # noqa: PLC0415  # the same

    table = Table(box=None, pad_edge=False)
    for name in _COLUMNS:
        table.add_column(name, no_wrap=name != "title", overflow="ellipsis")
    for summary in found:
        table.add_row(*map(Text, _row(summary)))
    terminal.console(sys.stdout).print(table)


def _print_conversation(session: Session) -> None:
    """Who said what, oldest first."""
    turns = counted(session.turns, "turn")
    terminal.line(f"thread {session.thread_id} · {turns} · {_when(session.updated_at)}")
    for message in session.messages:
        terminal.line(f"\n## {one_line(message.role)}\n")
        terminal.answer(message.text)
