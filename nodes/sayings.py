"""What is said of memory: what was kept, replaced, found, forgotten, and what could not be."""

from collections.abc import Sequence
from datetime import datetime

from memory.records import MAX_TEXT_CHARS, Item, Record
from nodes.recollection import Recollection, plain

_SHOWN = 300

NOT_EVERYTHING = (
    "I forget everything only by command, because it cannot be undone: `duograph memory forget --all` asks "
    "before it does. To forget one thing, say «forget my birthday»."
)
NOTHING_FOUND = (
    "Nothing found: I was told nothing that answers this. Tell me with «remember that …», and "
    "`duograph memory list` shows what I know."
)

NOTHING_YET = (
    "Nothing found yet: something that you told still waits in the queue, because memory did not take it at "
    "once. Ask again when it is written; `duograph jobs list` shows it."
)
STILL_WAITS = (
    "Something that you told still waits in the queue, because memory did not take it at once, and is "
    "written later: `duograph jobs show JOB` says what it is, `duograph jobs drop JOB` deletes it."
)


def no_memory(why: str) -> str:
    """Memory is switched off."""
    reason = why or "this graph was built without one, so nothing is kept beyond the session."
    return f"I cannot remember or look up anything: {reason}"


def not_kept(why: str) -> str:
    """A fact could not be stored."""
    return f"This was **not** remembered: {_sentence(why)}"


def too_long(length: int) -> str:
    """A fact is no fact any more."""
    return not_kept(
        f"it has {length:,} characters and the most is {MAX_TEXT_CHARS:,}. Put it into a file and use "
        "`duograph memory ingest PATH`"
    )


def queued(record: Record, why: str) -> str:
    """A fact waits for its store."""
    return (
        f"Noted, but not stored yet: {_quoted(record.text)}\n\n{_sentence(_capital(why))} It waits in the "
        "queue, and a worker writes it some minutes after memory answers again at the latest, or "
        "`duograph worker --drain` at once; `duograph jobs list` shows it."
    )


def kept(record: Record, history: Sequence[Item], turn: str) -> str:
    """A fact is stored; what it takes the place of is named.

    Args:
        record: What was stored.
        history: What is and was known on its subject.
        turn: The turn that told it.
    """
    mine = next((item for item in history if item.id == record.id), None)
    told_at = next((origin.at for origin in mine.origins if origin.turn == turn), None) if mine else None
    before = [
        item for item in history if item.superseded_by == record.id and told_at and _since(item) >= told_at
    ]
    if before:
        last = max(before, key=_since).record
        return (
            f"Remembered: {_quoted(record.text)}\n\nThis takes the place of {_quoted(last.text)}, "
            f"told {last.origin.at:%Y-%m-%d}."
        )
    if mine and mine.origins[0].turn != turn:
        return f"I know that already: {_quoted(record.text)}, told {mine.origins[0].at:%Y-%m-%d}."
    return f"Remembered: {_quoted(record.text)}"


def _since(item: Item) -> datetime:
    return item.valid_to or item.valid_from


def not_read(why: str) -> str:
    """Memory could not be searched."""
    return f"Memory could not be read: {_sentence(why)}"


def raw(found: Sequence[Recollection], why: str) -> str:
    """The facts as they are, because no model put them into words."""
    lines = [f"- {_quoted(one.text)} ({one.place or f'{one.at:%Y-%m-%d}'})" for one in found]
    why = _sentence(why).rstrip(".")
    note = f"_No model put this into words ({why}), so these are the stored facts as they are._"
    return "\n".join([*lines, "", note])


def forgotten(items: Sequence[Item], *, still_waits: bool = False) -> str:
    """Facts were deleted; perhaps one more waits to be written."""
    lines = [
        f"- {_quoted(item.record.text)}{'' if item.valid_to is None else ' (replaced before)'}"
        for item in items
    ]
    note = "What was said in a session stands in its conversation until `duograph sessions delete`."
    return "\n".join(["Forgotten:", "", *lines, "", note, *(["", STILL_WAITS] if still_waits else [])])


def not_forgotten(why: str) -> str:
    """Facts could not be deleted."""
    return f"Nothing was forgotten: {_sentence(why)}"


def unclear(what: str, items: Sequence[Item], *, still_waits: bool = False) -> str:
    """It is not clear what to delete; perhaps it waits to be written."""
    if still_waits:
        known = f"I know nothing about {_quoted(what)} yet." if not items else unclear(what, items)
        return f"{known}\n\n{STILL_WAITS}"
    if not items:
        return f"I know nothing about {_quoted(what)}, so there is nothing to forget."
    lines = [f"- `{item.id[:8]}` {item.record.kind}: {_quoted(item.record.text)}" for item in items]
    head = f"Nothing was forgotten, because no fact is about exactly {_quoted(what)}. What comes near:"
    return "\n".join([head, "", *lines, "", "Choose with `duograph memory forget ID…`."])


def _quoted(text: str) -> str:
    line = " ".join(plain(text, _SHOWN).split())
    return f"«{line}»"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
