"""Whatever is told in whatever order, every memory holds what the protocol's model holds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from memory import Memory
from memory.records import Item, Origin, Query, Record, Selection
from memory.scoring import Scorer, score
from memory.sql import open_memory
from memory.words import index_words, query_words
from tests.memory.making import at
from tests.memory.model import ModelMemory

NAMESPACES = st.sampled_from(["anna", "ben"])
WORDS = st.sampled_from(["tea", "coffee", "hot tea", "生日", "café tea"])

origins = st.builds(
    lambda session, turn, minute: Origin(session=session, turn=turn, at=at(minute)),
    st.sampled_from(["", "s", "t"]),
    st.sampled_from(["", "1", "2"]),
    st.integers(0, 5),
)
facts = st.builds(
    lambda text, subject, origin: Record(kind="fact", text=text, subject=subject, origin=origin),
    st.sampled_from(["tea", "coffee"]),  # few, so that they meet again
    st.sampled_from(["drink", "Drink", ""]),
    origins,
)
others = st.builds(
    lambda kind, text, context, origin: Record(kind=kind, text=text, context=context, origin=origin),
    st.sampled_from(["insight", "pattern", "episode"]),
    WORDS,
    WORDS,
    origins,
)
chunks = st.builds(
    lambda text, archive, path: Record(
        kind="chunk", text=text, archive=archive, path=path, revision="r", origin=Origin(at=at(0))
    ),
    WORDS,
    st.sampled_from(["docs", "code"]),
    st.sampled_from(["a", "a/b", "a/b.md", "c"]),
)
some_records = st.lists(facts | others | chunks, max_size=4)
selections = st.one_of(
    st.builds(Selection, subject=st.sampled_from(["drink", "PLACE", ""])),
    st.builds(Selection, session=st.sampled_from(["s", "", "none"])),
    st.builds(Selection, kinds=st.just(("insight", "chunk")), before=st.builds(at, st.integers(0, 5))),
    st.builds(Selection, archive=st.just("docs"), path=st.sampled_from(["a", "a/b", "b"])),
    st.builds(Selection, is_current=st.booleans(), kinds=st.just(("fact",))),
)
vectors = st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), min_size=2, max_size=2)


class MemoryMachine(RuleBasedStateMachine):
    """Does everything with the model and with a real one, and compares."""

    def open(self) -> Memory:
        return open_memory(":memory:")

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner()
        self.real, self.model = self.open(), ModelMemory()

    def teardown(self) -> None:
        self.runner.run(self.real.aclose())
        self.runner.close()

    def both(self, name: str, *given: Any, **more: Any) -> Any:  # noqa: ANN401  # whatever the method gives
        real = self.runner.run(getattr(self.real, name)(*given, **more))
        assert real == self.runner.run(getattr(self.model, name)(*given, **more))
        return real

    def all_of(self, namespace: str) -> list[Item]:
        return list(self.runner.run(self.model.list(namespace, Selection(), limit=1000)))

    @rule(namespace=NAMESPACES, records=some_records)
    def store(self, namespace: str, records: list[Record]) -> None:
        self.both("store", namespace, records)

    @rule(namespace=NAMESPACES, told=st.lists(facts, min_size=1, max_size=3))
    def tell(self, namespace: str, told: list[Record]) -> None:
        self.both("store", namespace, told)

    @rule(namespace=NAMESPACES, selection=selections, records=some_records)
    def replace(self, namespace: str, selection: Selection, records: list[Record]) -> None:
        self.both("replace", namespace, selection, records)

    @rule(namespace=NAMESPACES, selection=selections)
    def forget(self, namespace: str, selection: Selection) -> None:
        self.both("forget", namespace, selection)

    @rule(source=NAMESPACES, other=NAMESPACES)
    def restore(self, source: str, other: str) -> None:
        self.both("restore", other, self.all_of(source))

    @rule(namespace=NAMESPACES, place=st.integers(0, 20), vector=vectors)
    def embed(self, namespace: str, place: int, vector: list[float]) -> None:
        if items := self.all_of(namespace):
            self.both("set_vectors", namespace, "m", {items[place % len(items)].id: vector})

    @rule(namespace=NAMESPACES, selection=selections)
    def select(self, namespace: str, selection: Selection) -> None:
        self.both("list", namespace, selection, limit=3)

    @rule(
        namespace=NAMESPACES,
        text=WORDS,
        vector=st.just([]) | vectors,
        kinds=st.sampled_from([(), ("fact",), ("chunk", "insight")]),
        archives=st.sampled_from([(), ("docs",), ("docs", "code")]),
        min_score=st.sampled_from([0.0, 0.5, 1.0]),
    )
    def search(self, namespace: str, vector: list[float], **query: Any) -> None:  # noqa: ANN401  # as Query takes them
        asked = Query(max_results=1000, vector=tuple(vector), vector_model="m", **query)
        real, wanted = (
            {hit.item.id: hit.score for hit in self.runner.run(one.search(namespace, asked))}
            for one in (self.real, self.model)
        )
        assert real == pytest.approx(wanted, abs=1e-5)

    @invariant()
    def holds_the_same(self) -> None:
        if not hasattr(self, "runner"):
            return
        for namespace in ("anna", "ben"):
            items = self.both("list", namespace, Selection(), limit=1000)
            subjects = [
                item.record.subject_key
                for item in items
                if item.record.kind == "fact" and item.record.subject and item.valid_to is None
            ]
            assert len(set(subjects)) == len(subjects)
            for item in items:
                assert item.valid_to is None or item.valid_to >= item.valid_from
            self.both("without_vector", namespace, "m")
            self.both("archives", namespace)
            self.both("revisions", namespace, "docs")
            real, model = (self.runner.run(one.status(namespace)).counts for one in (self.real, self.model))
            assert real == model


TestMemoryInSqlite = MemoryMachine.TestCase
TestMemoryInSqlite.settings = settings(max_examples=6, stateful_step_count=20)


class LongMemoryMachine(MemoryMachine):
    """The same for longer."""


TestMemoryInSqliteForLong = pytest.mark.slow(LongMemoryMachine.TestCase)
TestMemoryInSqliteForLong.settings = settings(max_examples=6, stateful_step_count=40)


@given(st.text(), st.text(), st.text())
def test_a_score_is_a_share(query: str, text: str, context: str) -> None:
    clean = text.encode("utf-8", "replace").decode() or "x"
    record = Record(kind="fact", text=clean, context=context.encode("utf-8", "replace").decode())
    found = score(query, record)
    assert 0 <= found <= 1
    # A record that is the query itself answers all of it that can be answered.
    if query_words(clean):
        assert score(clean, record) > 0
        words = query_words(clean)
        assert Scorer(clean).held(Scorer(clean).candidate(record)) == dict.fromkeys(words, 1.0)


@given(st.text())
def test_words_hold_no_sign_that_a_search_syntax_knows(text: str) -> None:
    for word in (*index_words(text), *query_words(text)):
        assert word
        assert not set(word) & set("\"'\\:*()[]{}^~!&|<>-/ \t\n\0_.,;?%$@=`")
        assert word.encode()


@given(st.text())
def test_what_is_asked_with_the_words_of_a_text_is_among_them(text: str) -> None:
    assert set(query_words(text)) <= set(index_words(text))


def test_any_text_is_a_query() -> None:
    memory = open_memory(":memory:")
    with asyncio.Runner() as runner:
        runner.run(memory.store("anna", [Record(kind="fact", text="tea and coffee")]))

        @given(st.text(st.characters()) | st.text('"*()^:{}-+ANDORNOT tea'))
        @settings(max_examples=100)
        def ask(text: str) -> None:
            hits = runner.run(memory.search("anna", Query(text=text)))
            assert len(hits) <= 1

        ask()
        runner.run(memory.aclose())
