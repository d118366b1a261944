"""Memory as lines of JSON, out of one backend and into any other."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterable
from datetime import UTC
from itertools import islice
from typing import IO, TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from memory.protocol import MemoryStoreError
from memory.records import Item, Selection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from memory.protocol import Memory

FORMAT: Final = "duograph-memory"
VERSION: Final = 1

_BATCH: Final = 500
_IN_MEMORY_BYTES: Final = 16 * 2**20
_SHOWN: Final = 200


class TransferError(MemoryStoreError):
    """What was to be imported is no export; one sentence names the line, and nothing was stored."""


class ImportCount(BaseModel):
    """What an import did.

    Attributes:
        items: How many there were.
        new: How many of them were not there before.
    """

    model_config = ConfigDict(frozen=True)

    items: int
    new: int


async def export_memory(memory: Memory, namespace: str) -> AsyncIterator[str]:
    """Give all that a namespace holds, oldest first: a header, then one item a line.

    Vectors are left out, as they are made from the text. The lines come without their ends.

    Raises:
        MemoryStoreError: When it cannot be read.
    """
    yield json.dumps({"format": FORMAT, "version": VERSION})
    after = ""
    while page := await memory.list(namespace, Selection(), limit=_BATCH, after=after):
        for item in page:
            yield item.model_dump_json()
        after = page[-1].id


async def import_memory(
    memory: Memory, namespace: str, lines: Iterable[str] | AsyncIterable[str]
) -> ImportCount:
    """Keep what `export_memory` gave; items that are there stay as they are, so it may be done again.

    All lines are checked before the first item is stored. Then items are stored in batches, each whole.

    Args:
        memory: Where to.
        namespace: Whose they become.
        lines: With or without their ends.

    Raises:
        TransferError: When a line is none of an export; nothing is stored then.
        MemoryStoreError: When items cannot be stored.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, "w+", encoding="utf-8", newline="\n") as checked:
        count, number, is_begun = 0, 0, False
        async for batch in _batches(lines):
            written, is_begun = await asyncio.to_thread(_check, batch, number, checked, is_begun=is_begun)
            number += len(batch)
            count += written
        if not is_begun:
            raise TransferError("There is nothing to import: give what `duograph memory export` wrote.")
        checked.seek(0)
        new = 0
        while items := await asyncio.to_thread(_read, checked):
            new += await memory.restore(namespace, items)
    return ImportCount(items=count, new=new)


async def _batches(lines: Iterable[str] | AsyncIterable[str]) -> AsyncIterator[list[str]]:
    if isinstance(lines, AsyncIterable):
        batch: list[str] = []
        async for line in lines:
            batch.append(line)
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch
        return
    rest = iter(lines)
    # A file is read while this runs, so it is read in a thread.
    while batch := await asyncio.to_thread(lambda: list(islice(rest, _BATCH))):
        yield batch


def _check(batch: list[str], before: int, checked: IO[str], *, is_begun: bool) -> tuple[int, bool]:
    """Copy the items of good lines; tell how many they were, and whether the header was among the lines yet.

    Raises:
        TransferError: When one is not good.
    """
    written = 0
    for number, line in enumerate(batch, before + 1):
        if not line.strip():
            continue
        if not is_begun:
            _check_header(line, number)
            is_begun = True
        else:
            checked.write(f"{_item(line, number).model_dump_json()}\n")
            written += 1
    return written, is_begun


def _check_header(line: str, number: int) -> None:
    try:
        header = json.loads(line)
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise TransferError(
            f'Line {number} is not the header of an export, {{"format": "{FORMAT}", "version": {VERSION}}}: '
            "give what `duograph memory export` wrote."
        )
    version = header.get("version")
    if version != VERSION:
        raise TransferError(
            f"Line {number} names version {json.dumps(version)[:_SHOWN]} of the format, and known is "
            f"{VERSION}: upgrade Duograph, or export again with this version."
        )


def _item(line: str, number: int) -> Item:
    try:
        item = Item.model_validate_json(line)
        problem = _problem(item)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        problem = f"{where}: {first['msg']}" if where else first["msg"]
    except ValueError as error:  # broken text in it
        problem = str(error)
    else:
        if problem is None:
            return item
    raise TransferError(
        f"Line {number} is no item of an export ({problem[:_SHOWN]}): mend or delete the line; nothing was "
        "stored."
    )


def _problem(item: Item) -> str | None:
    """Say what no memory would have given."""
    if item.id != item.record.id:
        return f"id: it is not the one of the record, {item.record.id}"
    if item.origins[0] != item.record.origin:
        return "origins: the first one is not the record's"
    if item.valid_to is None and item.superseded_by is not None:
        return "superseded_by: the record holds"
    times = [item.valid_from, *(origin.at for origin in item.origins)]
    times += [item.valid_to] if item.valid_to else []
    try:
        for time in times:
            time.astimezone(UTC)
    except OverflowError:
        return "a time lies outside of the years 1 to 9999 in UTC"
    return None


def _read(checked: IO[str]) -> list[Item]:
    return [Item.model_validate_json(line) for line in islice(checked, _BATCH)]
