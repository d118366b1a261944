"""How every memory finds: by words, in any script, in one namespace, with vectors as a second opinion."""

import math
import os
from typing import Any

import pytest

from memory import Memory
from memory.records import Origin, Query, Record, Selection
from memory.scoring import score
from tests.memory.making import at, chunk, fact, found, told

TURNS = [
    ("Which database do we use?", "We use PostgreSQL on the staging server."),
    ("And in production?", "The same, with two replicas in Frankfurt."),
    ("What should I cook tonight?", "Risotto with mushrooms needs forty minutes."),
]


def episode(number: int) -> Record:
    around = [text for place in (number - 1, number + 1) if 0 <= place < len(TURNS) for text in TURNS[place]]
    return Record(
        kind="episode",
        text="\n".join(TURNS[number]),
        context="\n".join(around),
        origin=told(number, str(number)),
    )


async def test_the_best_comes_first_with_its_score(memory_backend: Memory) -> None:
    await memory_backend.store(
        "anna",
        [
            fact("My birthday is on July 25", "my birthday"),
            fact("My sister's birthday is in May", "sister"),
            fact("I live in Graz", "my town"),
        ],
    )
    hits = await memory_backend.search("anna", Query(text="When is my sister's birthday?"))
    assert [hit.item.record.subject for hit in hits] == ["sister", "my birthday"]
    assert hits[0].score == 1.0
    assert hits[1].score == 0.5
    for hit in hits:
        assert hit.score == score("When is my sister's birthday?", hit.item.record)


async def test_neighbouring_turns_help_to_find_and_count_less(memory_backend: Memory) -> None:
    await memory_backend.store("anna", [episode(number) for number in range(3)])
    hits = await memory_backend.search("anna", Query(text="production database"))
    assert {hit.item.origins[0].turn: hit.score for hit in hits} == {"0": 0.75, "1": 0.75, "2": 0.25}
    assert hits[-1].item.origins[0].turn == "2"
    assert await found(memory_backend, "PostgreSQL replicas Frankfurt") == [
        episode(number).text for number in (1, 0, 2)
    ]
    around = await memory_backend.search("anna", Query(text="risotto"))
    assert [hit.score for hit in around] == [1.0, 0.5]


async def test_less_than_the_least_score_is_nothing(memory_backend: Memory) -> None:
    await memory_backend.store("anna", [fact("The deploy key is in the vault")])
    query = "Where is the deploy key of the billing service?"
    [hit] = await memory_backend.search("anna", Query(text=query))
    assert 0 < hit.score < 0.6
    assert await found(memory_backend, query, min_score=hit.score) == [hit.item.record.text]
    assert await found(memory_backend, query, min_score=hit.score + 0.01) == []
    assert await found(memory_backend, "what is it?", min_score=0.3) == []


async def test_no_more_than_was_asked_for(memory_backend: Memory) -> None:
    await memory_backend.store("anna", [fact(f"tea number {number}") for number in range(120)])
    assert len(await found(memory_backend, "tea")) == 8
    assert len(await found(memory_backend, "tea", max_results=1)) == 1
    assert len(await found(memory_backend, "tea", max_results=1000)) == 120


async def test_kinds_and_archives_that_were_not_asked_for_are_not_found(memory_backend: Memory) -> None:
    await memory_backend.store(
        "anna",
        [
            fact("tea is hot"),
            Record(kind="insight", text="tea is liked"),
            Record(kind="pattern", text="tea at noon"),
            chunk("tea in the manual", "tea.md"),
            chunk("tea in a book", "tea.md", archive="books"),
        ],
    )
    assert sorted(await found(memory_backend, "tea")) == ["tea at noon", "tea is hot", "tea is liked"]
    assert await found(memory_backend, "tea", kinds=("insight",)) == ["tea is liked"]
    assert await found(memory_backend, "tea", kinds=("chunk",)) == []
    assert await found(memory_backend, "tea", kinds=("chunk",), archives=("books",)) == ["tea in a book"]
    assert len(await found(memory_backend, "tea", archives=("books", "docs", "none"))) == 5
    assert await found(memory_backend, "manual", archives=("docs",)) == ["tea in the manual"]


async def test_one_fact_is_found_beside_many_of_others(memory_backend: Memory) -> None:
    many = [fact(f"my birthday cake number {number} had {number % 7} candles") for number in range(1000)]
    await memory_backend.store("crowd", many)
    await memory_backend.store("anna", [fact("My birthday is July 25", "my birthday")])
    await memory_backend.store("anna", [Record(kind="insight", text=f"birthday {one}") for one in range(500)])
    assert await found(memory_backend, "When is my birthday?", kinds=("fact",)) == ["My birthday is July 25"]
    assert "My birthday is July 25" in await found(memory_backend, "my birthday July")
    assert "My birthday is July 25" not in await found(memory_backend, "birthday July 25", "crowd")
    assert await found(memory_backend, "cake number 999", "crowd", max_results=1) == [many[999].text]


@pytest.mark.slow
async def test_one_fact_is_found_beside_thousands(
    memory_backend: Memory, request: pytest.FixtureRequest
) -> None:
    # A server takes a minute to store 50,000, and a file some seconds: `CROWD=50000` asks for them.
    is_file = request.node.callspec.params["memory_backend"] == "sqlite file"
    most = int(os.environ.get("CROWD") or (10_000 if is_file else 2000))
    for first in range(0, most, 1000):
        some = [f"my birthday cake number {first + one} had {one % 7} candles" for one in range(1000)]
        await memory_backend.store("crowd", [fact(text) for text in some])
    await memory_backend.store("anna", [fact("My birthday is July 25", "my birthday")])
    for query in ("When is my birthday?", "my birthday cake", "July 25"):
        assert await found(memory_backend, query) == ["My birthday is July 25"]
    assert "My birthday is July 25" not in await found(memory_backend, "birthday July 25", "crowd")


IN_WORDS = [
    ("我的生日是七月二十五日", "生日"),
    ("我的生日是七月二十五日", "你记得我的生日吗"),
    ("誕生日は7月25日です", "誕生日はいつですか"),
    ("犬の名前はポチです", "犬"),
    ("내 생일은 7월 25일이다", "생일"),
    ("วันเกิดของฉันคือ 25 กรกฎาคม", "วันเกิด"),
    ("मेरा जन्मदिन 25 जुलाई है", "जन्मदिन कब है"),
    ("عيد ميلادي في يوليو", "ميلادي"),
    ("Мой день рождения в июле", "день рождения"),
    ("Mein Geburtstag ist im Juli, in der Straße", "GEBURTSTAG STRASSE"),
    ("Le café est fermé", "cafe ferme"),
    ("\uff26\uff55\uff4c\uff4c \uff57ide", "full wide"),
    ("She is allergic to peanuts", "Which allergies does she have?"),
    ("We validated the addresses", "address validation"),
    ("I bought a bike", "what did I buy"),
    ("parseUserConfig reads the file", "user config"),
    ("the max_retry_count is 3", "retry count"),
    ("written in C++ and C#", "c++"),
]


async def test_words_are_found_in_every_script_and_form(memory_backend: Memory) -> None:
    for number, (text, query) in enumerate(IN_WORDS):  # each in a namespace of its own
        space = f"anna{number}"
        await memory_backend.store(space, [fact(text), fact("nothing of the kind"), fact("完全不同")])
        assert (await found(memory_backend, query, space))[0] == text, query


SYNTAX = [
    "",
    " ",
    "?",
    '"',
    "'",
    "\\",
    "*",
    "\0",
    "\ud800",
    "NOT",
    "a AND",
    "(",
    "main:tea",
    "-tea",
    "tea*",
    "tea\0",
    "NEAR(tea, 2)",
    "{main} : tea",
    "tea & !coffee | <->",
    ":*",
    "^tea~2 [a TO b] /x/",
    "the of and",
    "tea " * 5000,
    " ".join(f"w{number}" for number in range(5000)),
]


async def test_no_query_is_read_as_syntax(memory_backend: Memory) -> None:
    await memory_backend.store("anna", [fact("tea")])
    for query in SYNTAX:
        assert await found(memory_backend, query) == (["tea"] if "tea" in query else []), query[:40]


async def test_the_nearest_vectors_are_found_without_a_common_word(memory_backend: Memory) -> None:
    dog, car = fact("Rex barks at night"), fact("The car is red")
    await memory_backend.store("anna", [dog, car])
    assert {item.id for item in await memory_backend.without_vector("anna", "m")} == {dog.id, car.id}
    await memory_backend.set_vectors("anna", "m", {dog.id: [2.0, 0.0, 0.0], "f" * 32: [1.0, 1.0, 1.0]})
    assert [item.id for item in await memory_backend.without_vector("anna", "m")] == [car.id]
    await memory_backend.set_vectors("anna", "m", {car.id: [0.0, 0.5, 0.0]})
    near = Query(text="puppy", vector=(1.0, 0.2, 0.0), vector_model="m")
    [hit] = await memory_backend.search("anna", near)
    assert hit.item.id == dog.id
    cosine = 1 / math.hypot(1, 0.2)
    assert hit.score == pytest.approx(score("puppy", dog, cosine), abs=1e-4)
    for other in (
        near.model_copy(update={"vector_model": "another"}),
        near.model_copy(update={"vector": (1.0, 0.0)}),
        near.model_copy(update={"vector": (0.0, 0.0, 1.0)}),
        near.model_copy(update={"vector": (0.0, 0.0, 0.0)}),
        near.model_copy(update={"kinds": ("insight",)}),
    ):
        assert await memory_backend.search("anna", other) == []


async def test_vectors_follow_what_becomes_of_their_records(memory_backend: Memory) -> None:
    tea, coffee = fact("tea", "drink", minute=1, turn="1"), fact("coffee", "drink", minute=2, turn="2")
    query: dict[str, Any] = {"vector": (1.0, 0.0), "vector_model": "m"}
    await memory_backend.store("anna", [tea])
    await memory_backend.set_vectors("anna", "m", {tea.id: [1.0, 0.0]})
    assert await found(memory_backend, "x", **query) == ["tea"]
    await memory_backend.store("anna", [coffee])
    assert await found(memory_backend, "x", **query) == []
    await memory_backend.set_vectors("anna", "m", {coffee.id: [1.0, 0.1]})
    assert await found(memory_backend, "x", **query) == ["coffee"]
    await memory_backend.set_vectors("anna", "m", {coffee.id: [0.0, 1.0]})
    assert await found(memory_backend, "x", **query) == []
    await memory_backend.store("anna", [fact("tea", "drink", minute=3, turn="3")])
    assert await found(memory_backend, "x", **query) == ["tea"]
    await memory_backend.forget("anna", Selection(subject="drink"))
    assert await found(memory_backend, "x", **query) == []


async def test_words_and_vectors_together_rank_above_either_alone(memory_backend: Memory) -> None:
    both, words, vector = fact("red tea pot"), fact("red tea cup"), fact("a kettle")
    await memory_backend.store("anna", [words, vector, both])
    await memory_backend.set_vectors("anna", "m", {both.id: [1.0, 0.0], vector.id: [0.7, 0.7]})
    query: dict[str, Any] = {"vector": (1.0, 0.0), "vector_model": "m"}
    assert (await found(memory_backend, "red tea", **query))[0] == "red tea pot"
    assert len(await found(memory_backend, "red tea", **query)) == 3


async def test_vectors_that_cannot_be_compared_are_refused(memory_backend: Memory) -> None:
    tea, coffee = fact("tea"), fact("coffee")
    await memory_backend.store("anna", [tea, coffee])
    refused: tuple[dict[str, list[float]], ...] = (
        {tea.id: [1.0], coffee.id: [1.0, 2.0]},
        {tea.id: []},
        {tea.id: [math.nan, 1.0]},
        {tea.id: [math.inf, 1.0]},
    )
    for vectors in refused:
        with pytest.raises(ValueError, match="vector"):
            await memory_backend.set_vectors("anna", "m", vectors)
    await memory_backend.set_vectors("anna", "m", {tea.id: [1.0, 0.0]})
    with pytest.raises(ValueError, match="length"):
        await memory_backend.set_vectors("anna", "m", {coffee.id: [1.0]})
    await memory_backend.set_vectors("anna", "other", {coffee.id: [1.0]})
    await memory_backend.set_vectors("anna", "m", {})
    status = await memory_backend.status("anna")
    assert status.counts is not None
    assert status.counts.vectors == 2


async def test_few_that_hold_are_found_among_many_nearer_ones_that_do_not(memory_backend: Memory) -> None:
    old = [fact(f"town {number}", "town", minute=number) for number in range(150)]
    await memory_backend.store("anna", old)
    far = fact("far away")
    await memory_backend.store("anna", [far])
    vectors = {one.id: [1.0, 0.0] for one in old} | {far.id: [0.6, 0.8]}
    await memory_backend.set_vectors("anna", "m", vectors)
    assert await found(memory_backend, "x", vector=(1.0, 0.0), vector_model="m") == ["town 149", "far away"]


async def test_a_record_is_shown_with_all_its_origins(memory_backend: Memory) -> None:
    origins = [Origin(session=f"s{one}", turn="1", source="model", at=at(one)) for one in range(3)]
    for origin in origins:
        await memory_backend.store("anna", [Record(kind="insight", text="tests first", origin=origin)])
    [hit] = await memory_backend.search("anna", Query(text="tests"))
    assert hit.item.origins == tuple(origins)
