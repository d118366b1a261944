"""Each request of the embedding role: counted, tried again, left alone, and its faults in the one tree."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from duograph import ModelManager, ModelsFailedError, RoleParameters, Settings
from providers import BreakerRule, Breakers, Retries
from providers.embedding import EmbeddingModels
from tests.providers.embedders.conftest import AT_ONCE, BATCH, used

if TYPE_CHECKING:
    from tests.providers.servers.embeddings import FakeEmbeddings


async def test_every_request_is_counted_with_what_it_took(server: FakeEmbeddings) -> None:
    first, second = f"openai:a@{server.url}/v1", f"openai:b@{server.url}/v1"
    models = EmbeddingModels(f"{first}, {second}", retries=AT_ONCE)
    server.plays.extend([2, 500, 2, 404])
    await models.embed(["x"] * (BATCH + 1))
    found = await models.embed(["xy"])
    assert [(call.model, call.error, call.attempt) for call in found.calls] == [
        (first, "not_found", 1),
        (second, None, 1),
    ]
    seen = used(models)
    assert (seen.calls, seen.successes, seen.failures, seen.fallbacks) == (5, 3, 2, 1)
    assert (seen.input_tokens, seen.output_tokens) == (5 * BATCH + 5 + 5, 0)
    assert (seen.cost_usd, seen.unpriced_calls) == (0.0, 0)
    assert seen.latency_s is not None
    assert {name: each.calls for name, each in models.stats().models.items()} == {first: 4, second: 1}
    await models.aclose()


async def test_tokens_that_nobody_counted_are_estimated_and_an_unknown_price_is_none() -> None:
    models = EmbeddingModels("openai:m@http://example.org/v1", retries=Retries(tries=1))
    with pytest.raises(ModelsFailedError) as failed:
        await models.embed(["x"])
    (call,) = failed.value.calls
    assert (call.role, call.step, call.error, call.cost_usd) == ("embedding", "embed", "connection", None)
    assert (call.input_tokens, used(models).unpriced_calls) == (0, 1)
    found = await EmbeddingModels().embed(["x" * 30])
    assert (found.calls[0].input_tokens, found.calls[0].tokens_estimated) == (10, True)
    assert (found.calls[0].cost_usd, found.calls[0].cost_source) == (0.0, "local")


async def test_a_request_that_is_given_up_is_counted_and_one_that_hangs_times_out(
    server: FakeEmbeddings,
) -> None:
    models = EmbeddingModels(f"ollama:e@{server.url}", retries=Retries(tries=1))
    server.plays.append("hang")
    asking = asyncio.create_task(models.embed(["x"]))
    while not server.seen:  # noqa: ASYNC110 - the server is a thread, it sets no event of this loop
        await asyncio.sleep(0.001)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (used(models).cancelled, used(models).failures) == (1, 0)
    models.configure(f"ollama:e@{server.url}", RoleParameters(timeout_s=0.2))
    server.plays.append("hang")
    with pytest.raises(ModelsFailedError, match=r"no complete answer within 0\.2 s"):
        await models.embed(["x"])
    assert (await models.embed(["x"])).dimensions == 2
    await models.aclose()


async def test_an_endpoint_that_fails_again_and_again_is_left_alone_but_never_fails_a_call_alone(
    server: FakeEmbeddings,
) -> None:
    first, second = f"openai:a@{server.url}/v1", f"openai:b@{server.url}/v1"
    breakers = Breakers(BreakerRule(failures=2))
    models = EmbeddingModels(f"{first}, {second}", retries=AT_ONCE, breakers=breakers)
    server.plays.extend([503, 503])
    await models.embed(["x"])
    server.seen.clear()
    found = await models.embed(["x"])
    assert [body["model"] for _, body, _ in server.seen] == ["b"]
    assert "it failed again and again" in found.calls[0].passed_over[0]
    assert models.stats().breakers == {first: "open", second: "closed"}
    alone = EmbeddingModels(first, retries=AT_ONCE, breakers=breakers)
    assert (await alone.embed(["x"])).model == first
    assert alone.stats().breakers == {first: "closed"}
    await models.aclose()
    await alone.aclose()


@pytest.mark.parametrize(
    ("play", "kind", "words"),
    [
        (401, "auth", "refused the key"),
        (404, "not_found", "no model 'e'"),
        (429, "rate_limit", "limits the rate"),
        (529, "overloaded", "cannot serve now"),
        ((400, "bad input"), "unknown", "bad input"),
        (
            (400, "input length exceeds maximum context length"),
            "context_overflow",
            "a text is too long for 'e'",
        ),
        (
            (500, "the input length exceeds the context length"),
            "context_overflow",
            "a text is too long for 'e'",
        ),
        ([], "malformed", "vectors"),
    ],
)
async def test_faults_come_out_as_kinds_of_the_one_tree(
    play: object, kind: str, words: str, server: FakeEmbeddings
) -> None:
    models = EmbeddingModels(f"ollama:e@{server.url}", retries=Retries(tries=1))
    server.plays.append(play)
    with pytest.raises(ModelsFailedError, match=words) as failed:
        await models.embed(["x"])
    assert [call.error for call in failed.value.calls] == [kind]
    assert server.seen[0][1]["truncate"] is False
    await models.aclose()


def test_the_manager_counts_embeddings_with_the_other_roles(server: FakeEmbeddings) -> None:
    chain = f"ollama:e@{server.url}"
    with ModelManager(Settings(embedding_model=chain)) as manager:
        manager.embed(["x"])
        manager.generate_response("What can you do?")
        stats = manager.get_stats()
    assert {role: each.calls for role, each in stats.roles.items()} == {"embedding": 1, "reasoning": 1}
    assert stats.breakers == {chain: "closed"}
    assert (stats.models[chain].input_tokens, stats.models["offline"].calls) == (5, 1)
