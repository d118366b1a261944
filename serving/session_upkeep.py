"""`duograph sessions prune|stats`: how much is kept, and keeping less."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoints import Sessions
from graph.saver import KEEP_TURNS, open_sessions
from graph.settings import Settings
from serving import exits, terminal
from serving.session_changes import opened
from serving.text import counted, in_bytes
from serving.there import is_there, to_look_at

if TYPE_CHECKING:
    from collections.abc import Sequence


def prune(threads: Sequence[str], *, keep: int | None, as_json: bool) -> int:
    """Drop older steps and give the exit code.

    Args:
        threads: The sessions; all when there are none.
        keep: Turns to keep of each; as configured when left out, or 20 where all are kept by default.
        as_json: Whether JSON is printed.

    Raises:
        DatabaseError: When the database cannot be written, or a session is damaged.
        UnknownThreadError: When no session fits a name, or several do.
    """
    settings = to_look_at(Settings(user_settings=False))
    turns = keep or settings.keep_turns or KEEP_TURNS
    with open_sessions(settings.model_copy(update={"keep_turns": turns})) as saver:
        found = Sessions(saver)
        chosen = list(dict.fromkeys(map(found.find, threads)))
        chosen = chosen or [summary.thread_id for summary in found.list(None)]
        before = saver.size()
        saver.prune(chosen, strategy="keep_turns")
        after = saver.size()
    dropped = before.checkpoints - after.checkpoints
    if as_json:
        terminal.json_object({"sessions": len(chosen), "kept_turns": turns, "dropped_checkpoints": dropped})
    else:
        terminal.line(
            f"{counted(len(chosen), 'session')}, at most {counted(turns, 'turn')} of each kept, "
            f"{counted(dropped, 'step')} dropped"
        )
    return exits.DONE


def stats(*, as_json: bool) -> int:
    """Print what the store holds and give the exit code.

    Raises:
        DatabaseError: When the database cannot be read.
    """
    with opened(to_read=True) as saver:
        found = Sessions(saver).stats()
    if not is_there(Settings(user_settings=False)):
        found = found.model_copy(update={"used_bytes": 0, "free_bytes": None})  # no file takes nothing
    if as_json:
        terminal.json_object(found.model_dump(mode="json"))
        return exits.DONE
    by_status = ", ".join(f"{count} {status}" for status, count in sorted(found.by_status.items()))
    terminal.line(f"sessions\t{found.sessions}" + (f" ({by_status})" if by_status else ""))
    terminal.line(f"turns\t{found.turns}")
    terminal.line(f"steps kept\t{found.checkpoints}")
    if found.used_bytes:
        free = "" if found.free_bytes is None else f", {in_bytes(found.free_bytes)} of it free"
        terminal.line(f"size\t{in_bytes(found.used_bytes)}{free}")
    if found.oldest and found.newest:
        terminal.line(f"from\t{found.oldest:%Y-%m-%d} to {found.newest:%Y-%m-%d}")
    return exits.DONE
