"""Records get their vectors over real HTTP, and what fails costs no more than it must."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from graph.vectors import BATCH, Filled, fill_vectors
from memory import MemoryUnavailableError
from memory.records import Query, Record
from memory.sql import SqlMemory, open_memory
from memory.sql.database import Database
from providers import Retries
from providers.embedding import EmbeddingModels
from tests.providers.servers.embeddings import FakeEmbeddings, serve_embeddings

TOO_LONG = (400, "This model's maximum context length is 512 tokens.")


@pytest.fixture
def server() -> Iterator[FakeEmbeddings]:
    with serve_embeddings() as server:
        yield server


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[SqlMemory]:
    opened = open_memory(tmp_path / "home" / "sessions.sqlite")
    yield opened
    await opened.aclose()


@pytest.fixture
async def models(server: FakeEmbeddings) -> AsyncIterator[EmbeddingModels]:
    made = EmbeddingModels(f"openai:e@{server.url}/v1", retries=Retries(tries=1))
    yield made
    await made.aclose()


def facts(count: int) -> list[Record]:
    return [Record(kind="fact", text=f"Fact number {number}.") for number in range(count)]


async def test_all_records_get_one_in_batches_and_only_once(
    memory: SqlMemory, models: EmbeddingModels, server: FakeEmbeddings
) -> None:
    await memory.store("me", facts(BATCH + 5))
    await memory.store("you", facts(1))
    seen: list[int] = []
    filled = await fill_vectors(memory, "me", models, progress=seen.append)
    assert filled == Filled(BATCH + 5, str(models.specs[0]))
    assert seen == [BATCH, BATCH + 5]
    assert [len(body["input"]) for _, body, _ in server.seen] == [BATCH, 5]
    assert await fill_vectors(memory, "me", models) == Filled()
    assert len(server.seen) == 2
    status = await memory.status("me")
    assert status.counts is not None
    assert status.counts.vectors == BATCH + 5


async def test_a_bound_is_kept_and_the_newest_come_first(memory: SqlMemory, models: EmbeddingModels) -> None:
    for record in facts(5):
        await memory.store("me", [record])
    assert (await fill_vectors(memory, "me", models, most=2)).count == 2
    left = await memory.without_vector("me", str(models.specs[0]))
    assert {item.record.text for item in left} == {f"Fact number {number}." for number in range(3)}


async def test_a_model_that_fails_is_a_note_and_the_next_run_goes_on(
    memory: SqlMemory, models: EmbeddingModels, server: FakeEmbeddings
) -> None:
    await memory.store("me", facts(BATCH + 5))
    server.plays.extend([2, 401])
    filled = await fill_vectors(memory, "me", models)
    assert filled.count == BATCH
    assert filled.problem.startswith(
        "Some records have no vector yet: No model answered for the embedding role"
    )
    assert (await fill_vectors(memory, "me", models)).count == 5


async def test_one_text_that_no_model_takes_keeps_no_other_from_its_vector(
    memory: SqlMemory, models: EmbeddingModels, server: FakeEmbeddings
) -> None:
    await memory.store("me", facts(4))
    server.plays.extend([TOO_LONG, 2, TOO_LONG, 2, 2])
    filled = await fill_vectors(memory, "me", models)
    assert filled.count == 3
    assert filled.problem == "1 records have no vector, for no model takes their text."
    assert (await fill_vectors(memory, "me", models)).count == 1


async def test_a_model_that_takes_no_text_is_not_asked_for_each(
    memory: SqlMemory, models: EmbeddingModels, server: FakeEmbeddings
) -> None:
    await memory.store("me", facts(BATCH))
    server.plays.extend([TOO_LONG] * BATCH * 2)
    filled = await fill_vectors(memory, "me", models)
    assert filled.count == 0
    assert "Some records have no vector yet" in filled.problem
    assert len(server.seen) == 4


async def test_long_texts_are_cut_and_the_cut_ones_shorter_still(
    memory: SqlMemory, models: EmbeddingModels, server: FakeEmbeddings
) -> None:
    await memory.store("me", [Record(kind="episode", text="x" * 20_000)])
    server.plays.append(TOO_LONG)
    assert (await fill_vectors(memory, "me", models)).count == 1
    assert [len(body["input"][0]) for _, body, _ in server.seen] == [2000, 500]


async def test_a_backup_makes_vectors_of_its_own(memory: SqlMemory, server: FakeEmbeddings) -> None:
    models = EmbeddingModels(f"openai:a@{server.url}/v1, openai:b@{server.url}/v1", retries=Retries(tries=1))
    await memory.store("me", facts(BATCH + 1))
    server.plays.extend([401, 2, 401, 2])
    filled = await fill_vectors(memory, "me", models)
    assert filled == Filled(BATCH + 1, str(models.specs[1]))
    assert await memory.without_vector("me", str(models.specs[1])) == []
    await models.aclose()


class Forgetful(SqlMemory):
    """Keeps no vector, or does not answer."""

    def __init__(self, *, answers: bool) -> None:
        super().__init__(Database(":memory:", busy_timeout_s=5))
        self.answers = answers

    async def set_vectors(self, namespace: str, model: str, vectors: Mapping[str, Sequence[float]]) -> None:
        del namespace, model, vectors
        if not self.answers:
            raise MemoryUnavailableError("The server does not answer: start it.")


async def test_a_memory_that_keeps_none_ends_it_too(models: EmbeddingModels, server: FakeEmbeddings) -> None:
    forgetful = Forgetful(answers=True)
    await forgetful.store("me", facts(3))
    await fill_vectors(forgetful, "me", models)
    assert len(server.seen) == 1
    forgetful.answers = False
    problem = (await fill_vectors(forgetful, "me", models)).problem
    assert problem == "Some records have no vector yet: The server does not answer: start it."
    await forgetful.aclose()


async def test_the_offline_embedder_needs_nothing(memory: SqlMemory) -> None:
    models = EmbeddingModels("offline")
    await memory.store("me", [*facts(2), Record(kind="fact", text="The kettle is blue.")])
    filled = await fill_vectors(memory, "me", models)
    assert (filled.count, filled.model) == (3, "offline")
    vector = (await models.embed(["blue kettle"])).vectors[0]
    query = Query(text="", vector=tuple(vector), vector_model="offline")
    (best, *_) = await memory.search("me", query)
    assert best.item.record.text == "The kettle is blue."
