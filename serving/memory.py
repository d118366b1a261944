"""`duograph memory search|list|why|status`: what is remembered."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from graph.agent_memory import off_status
from graph.memory import compares_vectors, remembering_of, why_off
from graph.services import embedding_models
from graph.settings import Settings
from memory.places import place
from memory.records import Query, Selection
from nodes.wording import archives_of, vector_of
from serving import exits, terminal
from serving.faults import InputError
from serving.inputs import read_word
from serving.memory_opening import say_none, selection, settings_of, with_memory
from serving.options import chosen
from serving.text import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from memory import Memory
    from memory.records import Hit, Item, MemoryStatus, Origin
    from serving.signals import Signals

T = TypeVar("T")

_EMBEDS_S = 10.0
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for.

    Attributes:
        text: In the user's words.
        kinds: Of which kinds; of all when empty.
        archives: In which archives; as configured, else in all, when empty.
        min_score: The least score; as configured when None.
        limit: How many at most.
    """

    text: str
    kinds: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    min_score: float | None = None
    limit: int = 50


def search(wanted: Search, user: str | None, signals: Signals, *, as_json: bool) -> int:
    """Print what fits and give the exit code.

    Raises:
        MemoryStoreError: When memory cannot be read.
        InputError: When there is none.
    """
    read_word(wanted.text, "TEXT")
    for name in wanted.archives:
        read_word(name, "--archive")
    settings = settings_of(user)
    choices = remembering_of(settings)

    async def work(memory: Memory) -> Sequence[Hit]:
        vector, model = await vector_of(
            models if compares_vectors(settings) else None, wanted.text, _EMBEDS_S
        )
        await models.aclose()
        query = {
            "text": wanted.text,
            "kinds": wanted.kinds,
            "archives": await archives_of(memory, choices.user, wanted.archives or choices.archives),
            "max_results": min(wanted.limit, 1000),
            "min_score": choices.min_score if wanted.min_score is None else wanted.min_score,
        }
        return await memory.search(
            choices.user, Query.model_validate(query | {"vector": vector, "vector_model": model})
        )

    models = embedding_models(settings)
    hits = with_memory(settings, signals, work)
    if as_json:
        terminal.json_object([{"score": hit.score} | hit.item.model_dump(mode="json") for hit in hits])
    elif not hits:
        say_none(settings, "duograph: nothing was found.")
    else:
        _print_rows(
            ("score", "id", "kind", "told", "text"),
            [(f"{hit.score:.2f}", *row(hit.item)) for hit in hits],
        )
    return exits.DONE


def list_records(wanted: Selection, limit: int, user: str | None, signals: Signals, *, as_json: bool) -> int:
    """Print what is selected and give the exit code.

    Raises:
        MemoryStoreError: When memory cannot be read.
        InputError: When there is none.
    """
    settings = settings_of(user)
    items = with_memory(settings, signals, lambda memory: memory.list(settings.user, wanted, limit=limit))
    if as_json:
        terminal.json_object([item.model_dump(mode="json") for item in items])
    elif not items:
        say_none(settings, "duograph: nothing like that is remembered.")
    else:
        _print_rows(("id", "kind", "told", "text"), [row(item) for item in items])
    return exits.DONE


def why(record: str, user: str | None, signals: Signals, *, as_json: bool) -> int:
    """Print where a record comes from and give the exit code.

    Raises:
        MemoryStoreError: When memory cannot be read.
        InputError: When no record fits, or several do.
    """
    settings, wanted = settings_of(user), selection(ids=[record])
    items = with_memory(settings, signals, lambda memory: memory.list(settings.user, wanted, limit=2))
    if len(items) != 1:
        many = "Several records begin" if items else "No record begins"
        raise InputError(f"{many} with {record!r}: `duograph memory list --all` shows them.")
    [item] = items
    if as_json:
        terminal.json_object(item.model_dump(mode="json"))
        return exits.DONE
    terminal.line(f"{item.record.kind} {item.id}")
    terminal.line(item.record.text)
    if item.record.subject:
        terminal.line(f"about\t{one_line(item.record.subject)}")
    if where := place(item.record):
        terminal.line(f"in\t{one_line(where)} (archive {item.record.archive})")
    since = f"since {_when(item.valid_from)}"
    terminal.line(
        f"holds\t{since}" if item.valid_to is None else f"held\t{since} until {_when(item.valid_to)}"
    )
    if item.superseded_by:
        terminal.line(f"replaced by\t{item.superseded_by}")
    for origin in item.origins:
        terminal.line(f"from\t{_origin(origin)}")
    return exits.DONE


def status(user: str | None, signals: Signals, *, as_json: bool) -> int:
    """Print whether memory can be used and give the exit code."""
    settings = Settings(**chosen({"user": user}))
    off = why_off(settings)
    found: MemoryStatus = (
        off_status(off)
        if off
        else with_memory(settings, signals, lambda memory: memory.status(settings.user))
    )
    if as_json:
        terminal.json_object({"user": settings.user} | found.model_dump(mode="json"))
    else:
        for name, value in describe(found, settings.user):
            terminal.line(f"{name}\t{one_line(value)}")
    return exits.DONE if found.is_available or off else exits.UNHEALTHY


def describe(found: MemoryStatus, user: str) -> list[tuple[str, str]]:
    """A status as pairs of a name and what is said of it."""
    lines: list[tuple[str, str]] = [("memory", found.backend)]
    if found.place:
        lines.append(("place", found.place))
    if found.problem:
        lines.append(("problem", found.problem))
    if found.counts is not None:
        counts = found.counts
        parts = [counted(count, kind) for kind, count in counts.by_kind.items() if count]
        if counts.superseded:
            parts.append(f"{counts.superseded} replaced")
        if counts.vectors:
            parts.append(f"{counts.vectors} vectors")
        lines.append((f"of {user}", ", ".join(parts) or "nothing yet"))
    return lines


def row(item: Item) -> tuple[str, ...]:
    """A record in one line."""
    where = place(item.record)
    text = f"{where}: {item.record.text}" if where else item.record.text
    if item.valid_to is not None:
        text = f"(replaced) {text}"
    text = one_line(text)
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return item.id[:8], item.record.kind, f"{item.record.origin.at.astimezone():%Y-%m-%d}", shown


def _print_rows(names: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    if not terminal.is_terminal(sys.stdout):
        for cells in rows:
            terminal.line("\t".join(cells))
        return
    from rich.table import Table  # noqa: PLC0415  # a pipe need not wait for rich
    from rich.text import Text  # noqa: PLC0415  # the same

    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for cells in rows:
        table.add_row(*map(Text, cells))
    terminal.console(sys.stdout).print(table)


def _when(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _origin(origin: Origin) -> str:
    parts = [origin.source, _when(origin.at)]
    if origin.session:
        parts.append(f"session {origin.session}")
    if origin.proof != "none":
        parts.append(origin.proof)
    if origin.confidence < 1:
        parts.append(f"confidence {origin.confidence:.2g}")
    return one_line(", ".join(parts))
