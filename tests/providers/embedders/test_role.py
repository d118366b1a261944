"""The embedding role over real HTTP: one model for a whole call, batches in order, dimensions checked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from duograph import ModelConfigError, ModelManager, ModelsFailedError, RoleParameters, Settings
from providers.embedders.embedder import Limits, tokens_of
from providers.embedding import EmbeddingModels
from tests.providers.embedders.conftest import AT_ONCE, BATCH, TITAN_1, TITAN_2, used
from tests.providers.servers.embeddings import FakeEmbeddings, serve_embeddings


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
        (
            "bedrock:amazon.nova-pro-v1:0@us-east-1",
            "cannot embed here; on Bedrock use one of amazon.titan-embed",
        ),
        ("bedrock:amazon.titan-embed-text-v2:0", "needs a region; set AWS_REGION"),
        ("ollama:e, offline", "offline hashes words, and its vectors cannot be compared"),
        (f"{TITAN_1}, {TITAN_2}", "v2:0@us-east-1 gives vectors of 1024 numbers and .*v1@us-east-1 of 1536"),
        ("opnai:x", "The embedding model: Unknown provider"),
    ],
)
def test_a_wrong_chain_is_a_sentence(chain: str, words: str) -> None:
    with pytest.raises(ModelConfigError, match=words):
        EmbeddingModels(chain)


@pytest.mark.parametrize(
    "chain", ["openai:e@http://10.0.0.1/v1", TITAN_2, "ollama:e, ollama:e@http://10.0.0.1"]
)
def test_the_promise_holds_for_embeddings_too(chain: str) -> None:
    with pytest.raises(ModelConfigError, match="is not on this machine"):
        EmbeddingModels(chain, prefer="local_only")
    models = EmbeddingModels(prefer="local_only")
    with pytest.raises(ModelConfigError, match="is not on this machine"):
        models.configure(chain, RoleParameters())
    assert [str(spec) for spec in models.specs] == ["offline"]


async def test_no_proxy_and_no_redirect_takes_texts_off_this_machine(
    server: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_embeddings() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        models = EmbeddingModels(f"openai:e@{server.url}/v1", prefer="local_only", retries=AT_ONCE)
        await models.embed(["x"])
        server.plays.append(307)
        with pytest.raises(ModelsFailedError, match="sends its clients elsewhere"):
            await models.embed(["x"])
        await models.aclose()
        assert (len(server.seen), proxy.seen) == (2, [])


async def test_a_backup_whose_vectors_are_of_another_length_is_refused(server: FakeEmbeddings) -> None:
    models = EmbeddingModels(f"ollama:a@{server.url}, ollama:b@{server.url}", retries=AT_ONCE)
    await models.embed(["x"])
    server.plays.extend([404, 3])
    with pytest.raises(ModelsFailedError, match=r"ollama:b@.* have 3 numbers, and 2 by ollama:a@"):
        await models.embed(["x"])
    server.plays.extend([404, 2])
    assert (await models.embed(["x"])).model.startswith("ollama:b@")
    await models.aclose()


async def test_a_text_that_cannot_fit_is_not_sent() -> None:
    models = EmbeddingModels("openai:text-embedding-3-small", openai_api_key=SecretStr("k"))
    with pytest.raises(
        ModelsFailedError, match=r"text 2 of 2 has about 20000 tokens and the model takes 8191"
    ):
        await models.embed(["x", "y" * 60_000])
    assert used(models).calls == 0


SIZES = st.lists(st.integers(0, 40), max_size=60)


@given(SIZES, st.integers(1, 9), st.integers(1, 60))
def test_batches_hold_all_texts_in_order_and_no_more_than_fits(
    sizes: list[int], most: int, room: int
) -> None:
    texts = ["x" * size for size in sizes]
    batches = list(Limits(texts=most, request_tokens=room).batches(texts))
    assert [text for batch in batches for text in batch] == texts
    for batch in batches:
        assert 1 <= len(batch) <= most
        assert len(batch) == 1 or sum(map(tokens_of, batch)) <= room


@pytest.mark.parametrize("texts", ["one text", [b"x"], [None]])
async def test_what_is_no_list_of_texts_is_refused(texts: Any) -> None:  # noqa: ANN401
    with pytest.raises(TypeError, match="give a list of strings"):
        await EmbeddingModels().embed(texts)


def test_the_embedding_role_is_changed_at_run_time(server: FakeEmbeddings) -> None:
    with ModelManager(Settings()) as manager:
        manager.update_model_config("embedding", {"model": f"ollama:e@{server.url}", "timeout_s": 7})
        assert manager.embed(["abc"]).vectors == [[3.0, 3.0]]
        for updates, words in (
            (
                {"temperature": 1},
                "The embedding role has no parameter 'temperature': it takes model, connect",
            ),
            ({"modle": "x"}, "has no parameter 'modle': did you mean 'model'"),
            ({"model": "anthropic:x"}, "anthropic:x cannot embed here"),
            ({"timeout_s": 0}, "The embedding role's timeout_s is 0, which is wrong"),
        ):
            with pytest.raises(ModelConfigError, match=words):
                manager.update_model_config("embedding", updates)
        assert manager.embeddings.parameters == RoleParameters(timeout_s=7)
        assert manager.embed(["abc"]).vectors == [[3.0, 3.0]]


def test_the_manager_embeds_by_its_setting(server: FakeEmbeddings) -> None:
    with ModelManager(Settings(embedding_model=f"ollama:e@{server.url}")) as manager:
        assert manager.embed(["abc"]).vectors == [[3.0, 3.0]]
    with ModelManager(Settings()) as manager:
        assert (manager.embed(["abc"]).model, manager.embed([]).vectors) == ("offline", [])
