"""The embedding role over real HTTP: one model for a whole call, batches in order, dimensions checked."""

from __future__ import annotations

import json
import math
import threading
from collections import deque
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from duograph import ModelConfigError, ModelManager, ModelsFailedError, Settings
from providers import Retries
from providers.embedding import BATCH, OFFLINE_DIMENSIONS, EmbeddingModels, hashed

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = Retries(random=lambda: 0.0)


class FakeEmbeddings(ThreadingHTTPServer):
    """Gives each text its length as a vector, by OpenAI's API (backwards) and Ollama's; or `plays`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plays: deque[Any] = deque()
        self.seen: list[tuple[str, dict[str, Any], str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeEmbeddings

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen.append((self.path, body, self.headers.get("authorization")))
        play = self.server.plays.popleft() if self.server.plays else 2
        if isinstance(play, int) and play >= 100:
            self.send_error(play, f"you sent {self.headers.get('authorization')}")
            return
        rows = [[float(len(text))] * play if isinstance(play, int) else play for text in body["input"]]
        data = [{"index": place, "embedding": row} for place, row in enumerate(rows)][::-1]
        answer = json.dumps({"embeddings": rows} if self.path == "/api/embed" else {"data": data}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@contextmanager
def _serve() -> Iterator[FakeEmbeddings]:
    server = FakeEmbeddings()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server() -> Iterator[FakeEmbeddings]:
    with _serve() as server:
        yield server


@pytest.mark.parametrize(
    ("chain", "path"), [("openai:e@{}/v1", "/v1/embeddings"), ("ollama:e@{}", "/api/embed")]
)
async def test_every_text_gets_its_vector_in_order_and_in_batches(
    chain: str, path: str, server: FakeEmbeddings
) -> None:
    texts = ["x" * size for size in range(BATCH + 5)]
    chain = chain.format(server.url)
    found = await EmbeddingModels(chain).embed(texts)
    assert found.vectors == [[float(size)] * 2 for size in range(BATCH + 5)]
    assert (found.model, found.dimensions) == (chain, 2)
    assert [(where, len(body["input"])) for where, body, _ in server.seen] == [(path, BATCH), (path, 5)]


async def test_what_another_try_cures_is_tried_again_and_then_the_backup_makes_all_vectors(
    server: FakeEmbeddings,
) -> None:
    chain = f"openai:a@{server.url}/v1, openai:b@{server.url}/v1"
    models = EmbeddingModels(chain, retries=AT_ONCE)
    server.plays.extend([500, 2])
    assert (await models.embed(["x"])).model.startswith("openai:a@")
    # The second batch fails for good: no vector of the first model is kept.
    server.plays.extend([2, 500, 500])
    found = await models.embed(["x"] * (BATCH + 1))
    assert found.model.startswith("openai:b@")
    assert len(found.vectors) == BATCH + 1
    server.plays.extend([401, 404])
    with pytest.raises(ModelsFailedError, match=r"openai:a@.*refused the key.* \| openai:b@.*no model 'b'"):
        await models.embed(["x"])


@pytest.mark.parametrize("play", [0, 3, [1.0, float("nan")], ["x", "y"], None])
async def test_vectors_of_another_kind_than_before_are_refused(play: Any, server: FakeEmbeddings) -> None:  # noqa: ANN401
    models = EmbeddingModels(f"ollama:e@{server.url}")
    await models.embed(["x"])
    server.plays.append(play)
    with pytest.raises(ModelsFailedError, match="vectors"):
        await models.embed(["x"])


async def test_a_key_goes_along_and_shows_nowhere(server: FakeEmbeddings, canary: str) -> None:
    models = EmbeddingModels(f"groq:e@{server.url}/v1", api_keys={"groq": SecretStr(canary)}, retries=AT_ONCE)
    server.plays.append(401)
    with pytest.raises(ModelsFailedError) as failed:
        await models.embed(["x"])
    assert server.seen[0][2] == f"Bearer {canary}"
    assert canary not in f"{failed.value} {models!r}"


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ("openai:text-embedding-3-small", "The embedding model: openai:.* needs a key; set OPENAI_API_KEY"),
        ("anthropic:x", "The embedding model: anthropic:x cannot embed here"),
        ("opnai:x", "The embedding model: Unknown provider"),
    ],
)
def test_a_wrong_chain_is_a_sentence(chain: str, words: str) -> None:
    with pytest.raises(ModelConfigError, match=words):
        EmbeddingModels(chain)


def test_the_promise_holds_for_embeddings_too() -> None:
    with pytest.raises(ModelConfigError, match="is not on this machine"):
        EmbeddingModels("openai:e@http://10.0.0.1/v1", prefer="local_only")


def test_the_manager_embeds_by_its_setting(server: FakeEmbeddings) -> None:
    with ModelManager(Settings(embedding_model=f"ollama:e@{server.url}")) as manager:
        assert manager.embed(["abc"]).vectors == [[3.0, 3.0]]
    with ModelManager(Settings()) as manager:
        assert (manager.embed(["abc"]).model, manager.embed([]).vectors) == ("offline", [])


@given(st.text())
def test_a_hashed_vector_is_of_unit_length_and_always_the_same(text: str) -> None:
    vector = hashed(text)
    assert len(vector) == OFFLINE_DIMENSIONS
    length = math.fsum(number * number for number in vector)
    assert length == pytest.approx(1) or not any(vector)
    assert vector == hashed(text)


def test_hashed_vectors_are_near_where_words_are_shared() -> None:
    def near(one: str, other: str) -> float:
        return sum(a * b for a, b in zip(hashed(one), hashed(other), strict=True))

    assert near("validate an email address", "validates email addresses") > 0.4
    assert near("validate an email address", "sort a list of numbers") < 0.3


def test_hashed_vectors_stay_comparable_with_those_that_were_stored() -> None:
    places = {place: round(number, 3) for place, number in enumerate(hashed("abc")) if number}
    assert places == {37: -0.266, 186: -0.266, 216: 0.887, 230: 0.266}
