"""What every memory lists, forgets, replaces and restores."""

from typing import Any

import pytest

from memory import Memory, MemoryStoreError
from memory.records import Item, Record, Selection
from tests.memory.making import at, chunk, everything, fact, found, texts, told


async def test_pages_follow_each_other(memory_backend: Memory) -> None:
    records = [fact(f"number {number}", minute=number // 2) for number in range(11)]
    await memory_backend.store("anna", list(reversed(records)))
    whole = await everything(memory_backend)
    assert [item.origins[0].at for item in whole] == sorted(item.origins[0].at for item in whole)
    paged: list[Item] = []
    while page := await memory_backend.list(
        "anna", Selection(), limit=3, after=paged[-1].id if paged else ""
    ):
        assert len(page) <= 3
        paged += page
    assert paged == whole
    await memory_backend.forget("anna", Selection(ids=(whole[0].id,)))
    with pytest.raises(MemoryStoreError, match=whole[0].id):
        await memory_backend.list("anna", Selection(), after=whole[0].id)


async def test_every_part_of_a_selection_narrows_it_down(memory_backend: Memory) -> None:
    ids = await memory_backend.store(
        "anna",
        [
            fact("old", "town", minute=1, turn="1"),
            fact("new", "town", minute=2, turn="2"),
            Record(kind="insight", text="seen", origin=told(3, "3", "other")),
            chunk("top", "README.md"),
            chunk("deep", "src/a.py"),
            chunk("deeper", "src/sub/b.py"),
            chunk("beside", "src-old/c.py"),
            chunk("elsewhere", "src/a.py", archive="more"),
        ],
    )
    chosen: dict[tuple[Any, ...], int] = {
        (): 8,
        ("ids", (ids[0], ids[2])): 2,
        ("ids", (ids[0][:8],)): 1,
        ("ids", (ids[0].upper(),)): 1,
        ("ids", (ids[0][:7],)): 0,
        ("ids", ("%" * 8, "nothing here", "", "g" * 32)): 0,
        ("subject", " TOWN "): 2,
        ("subject", ""): 6,
        ("before", at(2)): 6,
        ("session", "s"): 2,
        ("session", "other"): 1,
        ("session", ""): 5,
        ("kinds", ("fact", "insight")): 3,
        ("archive", "docs"): 4,
        ("archive", ""): 3,
        ("path", "src"): 3,
        ("path", "src/"): 3,
        ("path", "src/a.py"): 2,
        ("path", "sr"): 0,
        ("is_current", False): 1,
        ("is_current", True): 7,
    }
    for pair, count in chosen.items():
        selection: dict[str, Any] = {pair[0]: pair[1]} if pair else {}
        assert len(await everything(memory_backend, **selection)) == count, pair
    assert await texts(memory_backend, archive="docs", path="src", kinds=("chunk",)) in (
        ["deep", "deeper"],
        ["deeper", "deep"],
    )
    assert await everything(memory_backend, ids=(ids[0],), is_current=True) == []


async def test_what_is_forgotten_is_gone_with_all_that_hung_on_it(memory_backend: Memory) -> None:
    tea, coffee = fact("tea", "my drink", minute=1, turn="1"), fact("coffee", "my drink", minute=2, turn="2")
    await memory_backend.store("anna", [tea, coffee])
    await memory_backend.set_vectors("anna", "m", {tea.id: [1, 0], coffee.id: [0, 1]})
    assert await memory_backend.forget("anna", Selection(ids=(coffee.id,))) == 1
    assert await memory_backend.forget("anna", Selection(ids=(coffee.id,))) == 0
    # The one before does not hold again.
    assert await texts(memory_backend, is_current=True) == []
    assert await found(memory_backend, "drink coffee tea") == []
    assert await found(memory_backend, "x", vector=(0, 1), vector_model="m") == []
    status = await memory_backend.status("anna")
    assert status.counts is not None
    assert (status.counts.superseded, status.counts.vectors) == (1, 1)
    # Told once more it is new: nothing of before is left.
    await memory_backend.store("anna", [coffee])
    [item] = await everything(memory_backend, is_current=True)
    assert item.origins == (coffee.origin,)
    assert [one.id for one in await memory_backend.without_vector("anna", "m")] == [coffee.id]


async def test_everything_is_never_forgotten_at_once(memory_backend: Memory) -> None:
    await memory_backend.store("anna", [fact("tea")])
    with pytest.raises(ValueError, match="everything"):
        await memory_backend.forget("anna", Selection())
    with pytest.raises(ValueError, match="everything"):
        await memory_backend.replace("anna", Selection(), [fact("coffee")])
    assert await texts(memory_backend) == ["tea"]


async def test_a_file_s_chunks_are_replaced_together(memory_backend: Memory) -> None:
    await memory_backend.store(
        "anna", [chunk("one", "a.md"), chunk("two", "a.md", line=2), chunk("three", "b.md")]
    )
    assert await memory_backend.revisions("anna", "docs") == {"a.md": "r1", "b.md": "r1"}
    new = [chunk("one", "a.md", revision="r2"), chunk("zwei", "a.md", line=2, revision="r2")]
    await memory_backend.replace("anna", Selection(archive="docs", path="a.md"), new)
    assert await memory_backend.revisions("anna", "docs") == {"a.md": "r2", "b.md": "r1"}
    assert sorted(await texts(memory_backend)) == ["one", "three", "zwei"]
    assert await found(memory_backend, "two", archives=("docs",)) == []
    assert await memory_backend.archives("anna") == {"docs": 3}
    assert await memory_backend.replace("anna", Selection(archive="docs"), []) == []
    assert await memory_backend.archives("anna") == {}
    assert await memory_backend.revisions("anna", "docs") == {}


async def test_restored_items_are_what_they_were(memory_backend: Memory) -> None:
    await memory_backend.store(
        "anna",
        [
            fact("tea", "my drink", minute=1, turn="1"),
            fact("coffee", "my drink", minute=2, turn="2"),
            fact("tea", "my drink", minute=3, turn="3"),
            chunk("text", "a.md"),
        ],
    )
    items = await everything(memory_backend)
    assert await memory_backend.restore("ben", items) == 3
    assert await everything(memory_backend, "ben") == items
    assert await memory_backend.restore("ben", [*items, *items]) == 0
    assert await everything(memory_backend, "ben") == items
    assert await found(memory_backend, "drink", "ben") == ["tea"]


async def test_what_is_there_stays_when_items_are_restored(memory_backend: Memory) -> None:
    await memory_backend.store("anna", [fact("tea", "my drink", minute=5)])
    before = await everything(memory_backend)
    other = fact("coffee", "my drink", minute=9)
    also = fact("water", "my drink", minute=1)
    items = [
        Item(id=one.id, record=one, origins=(one.origin,), valid_from=one.origin.at) for one in (other, also)
    ]
    assert await memory_backend.restore("anna", items) == 2
    assert await everything(memory_backend, is_current=True) == before
    ended = {item.record.text: item for item in await everything(memory_backend, is_current=False)}
    assert {item.superseded_by for item in ended.values()} == {before[0].id}
    assert (ended["coffee"].valid_to, ended["water"].valid_to) == (at(9), at(5))
