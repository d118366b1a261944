"""What every memory does with what it is given: it keeps it, once, and ends what no longer holds."""

import asyncio

import pytest

from memory import Memory, MemoryStoreError
from memory.records import MAX_TEXT_CHARS, Item, Origin, Query, Record, Selection
from tests.memory.making import at, chunk, everything, fact, found, texts, told

ODD = [
    "NUL \0 inside",
    "quote ' double \" back \\ slash",
    "emoji 👩‍👩‍👧 and flags 🇦🇹",
    "right to left \u202e שלום مرحبا",
    "tab\tline\nbreak\r\nend",
    "$1 %s {brace} :name ? -- /* */ ;",
    "\u0000\u0001\u001f\u007f\ufeff\uffff",
    "NEAR(a b) AND OR NOT * ^ ( ) [ ] { } ~ : ! & |",
]


async def test_an_empty_memory_gives_nothing(memory_backend: Memory) -> None:
    assert await everything(memory_backend) == []
    assert await found(memory_backend, "anything") == []
    assert await memory_backend.forget("anna", Selection(kinds=("fact",))) == 0
    assert await memory_backend.revisions("anna", "docs") == {}
    assert await memory_backend.archives("anna") == {}
    assert await memory_backend.without_vector("anna", "model") == []
    status = await memory_backend.status("anna")
    assert status.is_available
    assert status.counts is not None
    assert (status.counts.by_kind, status.counts.superseded, status.counts.vectors) == ({}, 0, 0)


async def test_what_is_stored_comes_back_whole(memory_backend: Memory) -> None:
    origin = Origin(
        session="s", turn="t", source="openai:gpt", proof="verified", confidence=0.25, at=at(1.00001)
    )
    record = Record(
        kind="insight",
        text="Sorting needs a key",
        subject="sorting",
        context="before and after",
        entities=("Sorting", "Key"),
        archive="a",
        path="p/q.md",
        first_line=3,
        last_line=9,
        revision="abc",
        origin=origin,
    )
    assert await memory_backend.store("anna", [record]) == [record.id]
    [item] = await everything(memory_backend)
    assert item == Item(id=record.id, record=record, origins=(origin,), valid_from=origin.at)


async def test_storing_twice_changes_nothing(memory_backend: Memory) -> None:
    records = [fact("I live in Graz", "my town", turn="1"), Record(kind="pattern", text="likes tests")]
    ids = await memory_backend.store("anna", [*records, *records])
    assert ids == [one.id for one in [*records, *records]]
    before = await everything(memory_backend)
    assert await memory_backend.store("anna", records) == ids[:2]
    # The same turn, told at another time: a job that is done again.
    later = records[0].model_copy(update={"origin": told(9, "1")})
    await memory_backend.store("anna", [later])
    assert await everything(memory_backend) == before
    assert len(before) == 2


async def test_another_turn_adds_its_origin(memory_backend: Memory) -> None:
    one = fact("I live in Graz", "my town", minute=1, turn="1")
    two = fact("i  live in GRAZ", "My Town", minute=2, turn="2")
    assert one.id == two.id
    await memory_backend.store("anna", [one])
    await memory_backend.store("anna", [two])
    [item] = await everything(memory_backend)
    assert item.record == one
    assert item.origins == (one.origin, two.origin)
    assert (item.valid_from, item.valid_to) == (at(1), None)


async def test_a_newer_fact_takes_the_place_of_the_older_one(memory_backend: Memory) -> None:
    old, new = fact("July 25", "my birthday", minute=1), fact("July 26", "My  Birthday", minute=2)
    await memory_backend.store("anna", [old])
    await memory_backend.store("anna", [new])
    first, second = await everything(memory_backend)
    assert (first.valid_from, first.valid_to, first.superseded_by) == (at(1), at(2), new.id)
    assert (second.valid_from, second.valid_to, second.superseded_by) == (at(2), None, None)
    assert await texts(memory_backend, is_current=True) == ["July 26"]
    assert await texts(memory_backend, is_current=False) == ["July 25"]
    assert await found(memory_backend, "my birthday") == ["July 26"]


async def test_a_fact_that_was_superseded_holds_again_when_it_is_told_again(memory_backend: Memory) -> None:
    tea, coffee = fact("tea", "my drink", minute=1, turn="1"), fact("coffee", "my drink", minute=2, turn="2")
    await memory_backend.store("anna", [tea, coffee])
    await memory_backend.store("anna", [tea])  # done twice: coffee still holds
    assert await texts(memory_backend, is_current=True) == ["coffee"]
    again = fact("tea", "my drink", minute=3, turn="3")
    await memory_backend.store("anna", [again])
    first, second = await everything(memory_backend)
    assert (first.valid_from, first.valid_to, first.superseded_by) == (at(3), None, None)
    assert first.origins == (tea.origin, again.origin)
    assert (second.valid_to, second.superseded_by) == (at(3), tea.id)
    assert await found(memory_backend, "drink") == ["tea"]


async def test_what_is_stored_last_holds_whatever_the_clock_says(memory_backend: Memory) -> None:
    await memory_backend.store("anna", [fact("tea", "my drink", minute=9)])
    await memory_backend.store("anna", [fact("coffee", "my drink", minute=1)])
    assert await texts(memory_backend, is_current=True) == ["coffee"]
    [tea] = await everything(memory_backend, is_current=False)
    assert tea.valid_from == tea.valid_to == at(9)


async def test_only_facts_with_a_subject_replace_each_other(memory_backend: Memory) -> None:
    records = [
        fact("one"),
        fact("two"),
        *(Record(kind="insight", text=text, subject="same") for text in ("three", "four")),
        fact("five", "same"),
        fact("six", "other"),
    ]
    await memory_backend.store("anna", records)
    assert len(await everything(memory_backend, is_current=True)) == 6


async def test_of_several_facts_in_one_call_the_last_one_holds(memory_backend: Memory) -> None:
    await memory_backend.store("anna", [fact(str(number), "count", minute=number) for number in range(5)])
    assert await texts(memory_backend, is_current=True) == ["4"]
    assert [item.superseded_by for item in await everything(memory_backend)][:4] == [
        fact(str(number), "count").id for number in range(1, 5)
    ]


async def test_facts_told_at_the_same_time_leave_one_that_holds(memory_backend: Memory) -> None:
    tellings = [fact(str(number), "count", minute=number, turn=str(number)) for number in range(12)]
    await asyncio.gather(*(memory_backend.store("anna", [one]) for one in tellings))
    assert len(await everything(memory_backend)) == 12
    [holds] = await everything(memory_backend, is_current=True)
    assert await found(memory_backend, "count") == [holds.record.text]


async def test_namespaces_never_see_each_other(memory_backend: Memory) -> None:
    same = fact("Rex is a dog", "rex", entities=("Rex",), turn="1")
    await memory_backend.store("anna", [same, chunk("Rex barks", "rex.md")])
    await memory_backend.store("ben", [same])
    await memory_backend.store("ben", [fact("Rex is a cat", "rex", entities=("Rex",), turn="2")])
    await memory_backend.set_vectors("ben", "m", {same.id: [1.0, 0.0]})
    assert await texts(memory_backend, is_current=True) == ["Rex barks", "Rex is a dog"] or await texts(
        memory_backend, is_current=True
    ) == ["Rex is a dog", "Rex barks"]
    assert await found(memory_backend, "Rex") == ["Rex is a dog"]
    assert await found(memory_backend, "Rex", "ben") == ["Rex is a cat"]
    assert await found(memory_backend, "x", vector=(1, 0), vector_model="m") == []
    assert await memory_backend.archives("ben") == {}
    assert await memory_backend.forget("anna", Selection(subject="rex")) == 1
    assert len(await everything(memory_backend, "ben")) == 2
    for other in ("", "Anna", "anna ", "ann", "anna\0", "%", "an*"):
        assert await everything(memory_backend, other) == []
        assert await found(memory_backend, "Rex", other) == []


@pytest.mark.parametrize("text", ODD)
async def test_odd_texts_come_back_as_they_were(memory_backend: Memory, text: str) -> None:
    record = Record(
        kind="fact",
        text=text,
        subject=text,
        context=text,
        entities=(text,),
        archive=text[:64],
        path=text,
        origin=Origin(session=text, turn=text, source=text, at=at(0)),
    )
    namespace = f"of {text}"
    await memory_backend.store(namespace, [record])
    await memory_backend.store(namespace, [record])
    [item] = await everything(memory_backend, namespace)
    assert item.record == record
    for selection in ({"session": text}, {"subject": text}, {"path": text}, {"archive": text[:64]}):
        assert await everything(memory_backend, namespace, **selection) == [item]
    assert await everything(memory_backend, "of ") == []
    await memory_backend.search(namespace, Query(text=text))
    assert await memory_backend.forget(namespace, Selection(session=text)) == 1


async def test_the_longest_record_is_kept_and_found_by_its_last_word(memory_backend: Memory) -> None:
    text = "word " * (MAX_TEXT_CHARS // 5 - 2) + "needle"
    wide = "界" * MAX_TEXT_CHARS
    await memory_backend.store(
        "anna", [fact(text, context="around " * 5000), fact(wide, minute=1), fact("x" * MAX_TEXT_CHARS)]
    )
    assert await found(memory_backend, "needle") == [text]
    assert await found(memory_backend, "世界界") == [wide]


async def test_a_call_that_fails_keeps_nothing_of_it(memory_backend: Memory) -> None:
    good, bad = fact("tea", "my drink"), fact("coffee")
    broken = bad.model_copy(update={"text": None})
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is
        await memory_backend.store("anna", [good, broken])
    assert await everything(memory_backend) == []


async def test_after_the_end_every_call_says_so(memory_backend: Memory) -> None:
    await memory_backend.store("anna", [fact("tea")])
    await memory_backend.aclose()
    await memory_backend.aclose()
    for call in (
        memory_backend.store("anna", [fact("coffee")]),
        memory_backend.search("anna", Query(text="tea")),
        memory_backend.list("anna", Selection()),
        memory_backend.forget("anna", Selection(kinds=("fact",))),
    ):
        with pytest.raises(MemoryStoreError, match="closed"):
            await call
    status = await memory_backend.status("anna")
    assert not status.is_available
    assert "closed" in status.problem
