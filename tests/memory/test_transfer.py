"""Out of one memory and into another: the same items, or a sentence that names the line."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from memory import Memory
from memory.records import Origin, Record
from memory.sql import open_memory
from memory.transfer import ImportCount, TransferError, export_memory, import_memory
from tests.memory.making import at, chunk, everything, fact, told


async def _lines(memory: Memory, namespace: str = "anna") -> list[str]:
    return [line async for line in export_memory(memory, namespace)]


async def _fill(memory: Memory) -> None:
    await memory.store(
        "anna",
        [
            fact("tea", "my drink", minute=1, turn="1"),
            fact("coffee", "my drink", minute=2, turn="2", entities=("Coffee", "café")),
            fact("tea", "my drink", minute=3, turn="3"),
            Record(
                kind="insight",
                text="line\u2028separator \0 and\nmore",
                context="around",
                origin=Origin(session="s", turn="4", source="m", proof="verified", confidence=0.5, at=at(4)),
            ),
            Record(kind="episode", text="Q\nA", origin=told(5, "5")),
            chunk("a part", "src/a.py", line=7),
        ],
    )
    await memory.store("anna", [fact(f"number {number}", minute=10 + number) for number in range(510)])


async def test_what_comes_out_goes_in_and_comes_out_the_same(memory_backend: Memory) -> None:
    first = open_memory(":memory:")
    await _fill(first)
    lines = await _lines(first)
    assert json.loads(lines[0]) == {"format": "duograph-memory", "version": 2}
    assert json.loads(lines[-1])["items"] == 515
    assert all("\n" not in line for line in lines)
    assert await import_memory(memory_backend, "ben", lines) == ImportCount(items=515, new=515)
    assert await import_memory(memory_backend, "ben", lines) == ImportCount(items=515, new=0)
    assert await _lines(memory_backend, "ben") == lines
    back = open_memory(":memory:")
    await import_memory(back, "anna", await _lines(memory_backend, "ben"))
    assert await everything(back) == await everything(first)
    for one in (first, back):
        await one.aclose()


async def test_lines_come_from_files_and_from_streams(tmp_path: Path) -> None:
    first, second = open_memory(":memory:"), open_memory(":memory:")
    await _fill(first)
    lines = await _lines(first)
    path = tmp_path / "export.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines) + "\n", encoding="utf-8")
    with path.open(encoding="utf-8") as file:
        assert (await import_memory(second, "anna", file)).new == 515

    async def stream() -> AsyncIterator[str]:
        for line in lines:
            yield line

    assert (await import_memory(second, "ben", stream())).new == 515
    assert await everything(second, "anna") == await everything(second, "ben") == await everything(first)
    for one in (first, second):
        await one.aclose()


async def test_a_line_that_is_wrong_is_named_and_nothing_is_stored() -> None:
    first, second = open_memory(":memory:"), open_memory(":memory:")
    await _fill(first)
    header, *items, _ = await _lines(first)
    good = json.loads(items[0])

    def item(**change: object) -> str:
        return json.dumps(good | change)

    origin = good["origins"][0]
    for lines, words in (
        ([], "nothing to import"),
        (["", " \n"], "nothing to import"),
        (items, "Line 1 is not the header"),
        (["[]"], "Line 1 is not the header"),
        (["nonsense"], "Line 1 is not the header"),
        (['{"format": "duograph-memory", "version": 3}'], "Line 1 names version 3 of the format"),
        ([header, *items, "{"], f"Line {len(items) + 2} is no item"),
        ([header, *items[:400], items[400][:-9]], "Line 402 is no item"),
        ([header, header], "Line 2 is no item"),
        ([header, "", item(id="f" * 32)], "Line 3 is no item of an export .id: it is not the one"),
        ([header, item(more=1)], "Line 2 is no item of an export .more: Extra inputs"),
        ([header, item(origins=[])], "origins"),
        ([header, item(origins=[origin | {"source": "x"}, origin])], "the first one is not the record's"),
        ([header, item(valid_from="2026-01-01T00:00:00")], "valid_from"),
        ([header, item(valid_from="0001-01-01T00:00:00+05:00")], "years 1 to 9999"),
        ([header, item(valid_to=None, superseded_by="f" * 32)], "the record holds"),
    ):
        with pytest.raises(TransferError, match=words) as caught:
            await import_memory(second, "anna", lines)
        assert "\n" not in str(caught.value)
    assert await everything(second) == []
    for one in (first, second):
        await one.aclose()


async def test_lines_that_are_missing_are_noticed_and_nothing_is_stored() -> None:
    first, second = open_memory(":memory:"), open_memory(":memory:")
    await first.store("anna", [fact(f"number {number}", minute=number) for number in range(4)])
    header, *items, end = await _lines(first)
    old = json.dumps({"format": "duograph-memory", "version": 1})
    for lines, words in (
        ([header], "cut off after line 1: it lacks the last line"),
        ([header, *items], "cut off after line 5.*--unchecked"),
        ([header, *items[:-1], "", end], "its last line tells of 4 items with another checksum, and 3 are"),
        ([header, *reversed(items), end], "with another checksum, and 4 are there"),
        ([header, *items, end.replace('"items": 4', '"items": 5')], "tells of 5 items"),
        ([header, *items, end, items[0]], "Line 7 comes after the end"),
        ([header, *items, end, header, *items, end], "Line 7 comes after the end"),
        ([old, *items], "version 1 .*nothing tells .*--unchecked"),
    ):
        with pytest.raises(TransferError, match=words) as caught:
            await import_memory(second, "anna", lines)
        assert "\n" not in str(caught.value)
    assert await everything(second) == []
    with pytest.raises(TransferError, match="Line 7 is no item"):
        await import_memory(second, "anna", [header, *items, end, header], is_checked=False)
    for namespace, lines, count in (("ben", [old, *items], 4), ("cleo", [header, *items[2:], end], 2)):
        assert (await import_memory(second, namespace, lines, is_checked=False)).new == count
    assert (await import_memory(second, "anna", [f"{line}\r\n" for line in (header, *items, end)])).new == 4
    for one in (first, second):
        await one.aclose()
