"""`duograph memory add|forget|export|import`: what changes memory, and what moves it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memory.records import Item, Origin, Selection
from memory.transfer import export_memory, import_memory
from nodes.facts import fact_record
from nodes.telling import fact
from serving import exits, terminal
from serving.approval import can_ask
from serving.faults import InputError
from serving.files import write_file
from serving.inputs import read_source, read_word
from serving.memory import row
from serving.memory_opening import settings_of, with_memory
from serving.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memory import Memory
    from memory.transfer import ImportCount
    from serving.signals import Signals

MOST_BYTES = 1_000_000_000
"""More than any memory of ours as lines; a file beyond it is none."""

_PAGE = 1000
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What is to be forgotten.

    Attributes:
        selection: Which records.
        is_sure: Whether nobody is asked.
        dry_run: Whether to look and say alone.
    """

    selection: Selection
    is_sure: bool = False
    dry_run: bool = False


def add(text: str, subject: str | None, user: str | None, signals: Signals, *, as_json: bool) -> int:
    """Keep a fact, print its id and give the exit code.

    Raises:
        MemoryStoreError: When it cannot be kept.
        InputError: When there is no memory, or the text is empty or too long.
    """
    settings = settings_of(user)
    said = read_source("-", "fact") if text == "-" else read_word(text, "The fact")
    subject = None if subject is None else read_word(subject, "--subject")
    told = fact(said)
    if not told.text.strip():
        raise InputError("The fact is empty: say what to remember, for example «our deploys are on Fridays».")
    try:
        record = fact_record(told, Origin(source="user"), subject)
    except ValueError:
        raise InputError(
            f"The fact has {len(told.text):,} characters and its subject {len(subject or ''):,}: the most is "
            "20,000 and 255. Put more into a file and use `duograph memory ingest`."
        ) from None
    [kept] = with_memory(settings, signals, lambda memory: memory.store(settings.user, [record]), writes=True)
    if as_json:
        terminal.json_object({"id": kept, "subject": record.subject})
    else:
        terminal.line(kept)
    return exits.DONE


def forget(wanted: Forgetting, user: str | None, signals: Signals, *, as_json: bool) -> int:
    """Delete what is selected, after asking, and give the exit code.

    Raises:
        MemoryStoreError: When it cannot be deleted.
        InputError: When there is no memory, an id fits nothing, or nobody can be asked and nobody said yes.
    """
    settings = settings_of(user)
    there = with_memory(settings, signals, lambda memory: _all(memory, settings.user, wanted.selection))
    for one in wanted.selection.ids:
        if not any(item.id.startswith(one) for item in there):
            raise InputError(
                f"No record that fits begins with {one!r}: `duograph memory list --all` shows them."
            )
    if wanted.dry_run:
        _name(there, as_json=as_json)
        return exits.DONE
    if there and not wanted.is_sure and not _agrees(there):
        return exits.USAGE
    # By id: what came meanwhile was not agreed upon.
    ids = [item.id for item in there]

    async def work(memory: Memory) -> int:
        parts = (ids[at : at + _PAGE] for at in range(0, len(ids), _PAGE))
        return sum([await memory.forget(settings.user, Selection(ids=tuple(part))) for part in parts])

    count = with_memory(settings, signals, work, writes=True) if ids else 0
    if as_json:
        terminal.json_object({"forgotten": ids})
    else:
        terminal.line(f"forgotten: {counted(count, 'record')}")
    return exits.DONE


def export(out: str | None, user: str | None, signals: Signals, *, force: bool) -> int:
    """Write all that is remembered as JSON lines and give the exit code.

    Raises:
        MemoryStoreError: When memory cannot be read.
        InputError: When there is no memory, or the file exists or cannot be written.
    """
    settings = settings_of(user)

    async def work(memory: Memory) -> list[str]:
        lines = []
        async for line in export_memory(memory, settings.user):
            if out is None:
                terminal.line(line)
            else:
                lines.append(line)
        return lines

    lines = with_memory(settings, signals, work)
    if out is not None:
        write_file(out, "".join(f"{line}\n" for line in lines), force=force)
        terminal.notice(f"duograph: {counted(len(lines) - 2, 'record')}, now in {out}")
    return exits.DONE


def import_file(path: str, user: str | None, signals: Signals, *, unchecked: bool, as_json: bool) -> int:
    """Keep what is in a file and give the exit code.

    Args:
        path: The file, or `-` for standard input.
        user: Whose memory; as configured when None.
        signals: How this process is stopped.
        unchecked: Whether a part of an export will do, or one without a last line.
        as_json: Whether JSON is printed.

    Raises:
        MemoryStoreError: When memory cannot be written, or a line of the file is none of ours.
        InputError: When there is no memory, or the file cannot be read.
    """
    settings = settings_of(user)
    # At these ends alone: a text may hold other signs that end a line for people.
    lines = read_source(path, "memory", most=MOST_BYTES).split("\n")

    async def work(memory: Memory) -> ImportCount:
        return await import_memory(memory, settings.user, lines, is_checked=not unchecked)

    count = with_memory(settings, signals, work, writes=True)
    if as_json:
        terminal.json_object(count.model_dump(mode="json"))
    else:
        terminal.line(f"{counted(count.items, 'record')}, {count.new} of them new")
    return exits.DONE


async def _all(memory: Memory, user: str, wanted: Selection) -> list[Item]:
    """Every record that is selected."""
    found: list[Item] = []
    while page := await memory.list(user, wanted, limit=_PAGE, after=found[-1].id if found else ""):
        found += page
        if len(page) < _PAGE:
            break
    return found


def _name(items: Sequence[Item], *, as_json: bool) -> None:
    if as_json:
        terminal.json_object({"would_forget": [item.id for item in items]})
        return
    for item in items:
        terminal.line("\t".join(row(item)))
    terminal.notice(f"duograph: {counted(len(items), 'record')} would be forgotten.")


def _agrees(items: Sequence[Item]) -> bool:
    if not can_ask():
        raise InputError("Nobody is here to ask whether to forget: use --yes.")
    for item in items[:_NAMED]:
        terminal.notice("  ".join(row(item)))
    if len(items) > _NAMED:
        terminal.notice(f"and {len(items) - _NAMED} more")
    many = "this record" if len(items) == 1 else f"these {len(items)} records"
    sys.stderr.write(f"forget {many} for good? [y/n] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
