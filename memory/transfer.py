"""Memory as lines of JSON, out of one backend and into any other."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterable
from datetime import UTC
from hashlib import sha256
from itertools import islice
from typing import IO, TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from memory.protocol import MemoryStoreError
from memory.records import Item, Selection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from memory.protocol import Memory

FORMAT: Final = "duograph-memory"
VERSION: Final = 2
"""Since 2 a last line tells whether all of it is there."""

_WITHOUT_END: Final = 1
_AS_IT_IS: Final = "import what is there with --unchecked"
_UNSAFE: Final = re.compile(r"[\x7f-\x9f\u2028\u2029]")
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
    """Give all that a namespace holds, oldest first: a header, one item a line, and a line that ends it.

    The last line says how many items there were, with a checksum of the lines before it, so that an import
    notices what was cut off. Vectors are left out, as they are made from the text. The lines come without
    their ends.

    Raises:
        MemoryStoreError: When it cannot be read.
    """
    seal = _Seal()
    yield seal.on(json.dumps({"format": FORMAT, "version": VERSION}))
    after = ""
    while page := await memory.list(namespace, Selection(), limit=_BATCH, after=after):
        for item in page:
            # Signs that end a line for some readers, or that no terminal is shown, stay what they are.
            yield seal.on(_UNSAFE.sub(lambda sign: f"\\u{ord(sign[0]):04x}", item.model_dump_json()))
        after = page[-1].id
    yield json.dumps(seal.end())


async def import_memory(
    memory: Memory, namespace: str, lines: Iterable[str] | AsyncIterable[str], *, is_checked: bool = True
) -> ImportCount:
    """Keep what `export_memory` gave; items that are there stay as they are, so it may be done again.

    All lines are checked before the first item is stored. Then items are stored in batches, each whole.

    Args:
        memory: Where to.
        namespace: Whose they become.
        lines: With or without their ends.
        is_checked: Whether the last line must be there and fit the others; without, a part of an export
            will do, one that was changed by hand, and one of an earlier version, which has no such line.

    Raises:
        TransferError: When a line is none of an export, or lines are missing; nothing is stored then.
        MemoryStoreError: When items cannot be stored.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, "w+", encoding="utf-8", newline="\n") as kept:
        check = _Check(kept, is_checked=is_checked)
        async for batch in _batches(lines):
            await asyncio.to_thread(check.take, batch)
        check.finish()
        kept.seek(0)
        new = 0
        while items := await asyncio.to_thread(_read, kept):
            new += await memory.restore(namespace, items)
    return ImportCount(items=check.items, new=new)


class _Seal:
    """Counts and sums up the lines of an export."""

    def __init__(self) -> None:
        self._sum = sha256()
        self._lines = 0

    def on(self, line: str) -> str:
        """Take a line, without its end, and give it back."""
        self._sum.update(f"{line}\n".encode("utf-8", "surrogatepass"))
        self._lines += 1
        return line

    def end(self) -> dict[str, object]:
        """What the last line says: the header is no item."""
        return {"format": FORMAT, "items": self._lines - 1, "sha256": self._sum.hexdigest()}


class _Check:
    """Copies the items of good lines; what it raises names the line.

    Attributes:
        items: How many there were so far.
    """

    def __init__(self, kept: IO[str], *, is_checked: bool) -> None:
        self.items = 0
        self._kept = kept
        self._is_checked = is_checked
        self._seal = _Seal()
        self._number = 0
        self._is_begun = False
        self._end: dict[str, object] | None = None

    def take(self, batch: list[str]) -> None:
        """Take the next lines.

        Raises:
            TransferError: When one is not good.
        """
        for line in batch:
            self._number += 1
            if line.strip():
                self._take(line.rstrip("\r\n"))

    def finish(self) -> None:
        """Make sure that these were all lines.

        Raises:
            TransferError: When some are missing.
        """
        if not self._is_begun:
            raise TransferError("There is nothing to import: give what `duograph memory export` wrote.")
        if not self._is_checked:
            return
        if self._end is None:
            raise TransferError(
                f"The export was cut off after line {self._number}: it lacks the last line, which says that "
                f"it is whole; export again, or {_AS_IT_IS}."
            )
        if self._end != (found := self._seal.end()):
            raise TransferError(
                f"The export is not as it was written: its last line tells of {self._end.get('items')} items "
                f"with another checksum, and {found['items']} are there; export again, or {_AS_IT_IS}."
            )

    def _take(self, line: str) -> None:
        if not self._is_begun:
            _check_header(line, self._number, is_checked=self._is_checked)
            self._is_begun = True
        elif self._end is not None and self._is_checked:
            raise TransferError(
                f"Line {self._number} comes after the end of the export: import each export by itself."
            )
        elif end := _end_of(line):
            self._end = end
            return
        else:
            self._kept.write(f"{_item(line, self._number).model_dump_json()}\n")
            self.items += 1
        self._seal.on(line)


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


def _check_header(line: str, number: int, *, is_checked: bool) -> None:
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
    if version == _WITHOUT_END and is_checked:
        raise TransferError(
            f"Line {number} names version {_WITHOUT_END} of the format, in which nothing tells whether it "
            f"is whole: export again with this version, or {_AS_IT_IS}."
        )
    if version not in (_WITHOUT_END, VERSION):
        raise TransferError(
            f"Line {number} names version {json.dumps(version)[:_SHOWN]} of the format, and known is "
            f"{VERSION}: upgrade Duograph, or export again with this version."
        )


def _end_of(line: str) -> dict[str, object] | None:
    """What a last line says; None for any other line."""
    if not line.lstrip().startswith('{"format"'):
        return None
    try:
        end = json.loads(line)
    except ValueError:
        return None
    return end if isinstance(end, dict) and end.get("format") == FORMAT and "items" in end else None


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
        f"Line {number} is no item of an export ({problem[:_SHOWN]}): export again, or mend or delete "
        f"the line and {_AS_IT_IS}; nothing was stored."
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
