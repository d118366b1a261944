"""Titan's and Cohere's embeddings on Bedrock, over real HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from providers import ModelsFailedError
from providers.embedding import EmbeddingModels
from tests.providers.backends.contract import Side, serve
from tests.providers.embedders.conftest import AT_ONCE, TITAN_1, TITAN_2, used
from tests.providers.servers.bedrock_api import BedrockDialect

if TYPE_CHECKING:
    from collections.abc import Iterator


def dialect_of(side: Side) -> BedrockDialect:
    assert isinstance(side.server.dialect, BedrockDialect)
    return side.server.dialect


@pytest.fixture
def bedrock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Side]:
    for name, value in {"REGION": "us-east-1", "ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with serve("bedrock") as side:
        yield side


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("amazon.titan-embed-text-v2:0", 1024, 6),
        ("amazon.titan-embed-text-v1", 1536, 6),
        ("cohere.embed-english-v3", 1024, 7),
        ("us.cohere.embed-v4:0", 1536, 7),
    ],
)
async def test_bedrock_embeds_and_counts(model: str, size: int, tokens: int, bedrock: Side) -> None:
    models = EmbeddingModels(f"bedrock:{model}@{bedrock.server.url}", prefer="local_only")
    found = await models.embed(["abc", "de"])
    assert found.vectors == [[3.0] * size, [2.0] * size]
    assert sum(call.input_tokens or 0 for call in found.calls) == used(models).input_tokens == tokens
    invoked = dialect_of(bedrock).invoked
    assert [asked for asked, _ in invoked] == [model] * len(invoked)
    if model.startswith("amazon."):
        assert [body for _, body in invoked] == [{"inputText": "abc"}, {"inputText": "de"}]
    else:
        assert [body for _, body in invoked] == [{"texts": ["abc", "de"], "input_type": "search_document"}]
    await models.aclose()


async def test_bedrock_is_tried_again_and_its_refusals_are_sentences(bedrock: Side) -> None:
    models = EmbeddingModels(f"{TITAN_2.partition('@')[0]}@{bedrock.server.url}", retries=AT_ONCE)
    dialect_of(bedrock).faults.extend([503, 429, 403, 403])
    with pytest.raises(ModelsFailedError, match=r"says ThrottlingException: fault") as failed:
        await models.embed(["x"])
    assert [call.error for call in failed.value.calls] == ["overloaded", "rate_limit"]
    with pytest.raises(ModelsFailedError, match=r"AccessDeniedException: fault; check the AWS credentials"):
        await models.embed(["x"])
    with pytest.raises(ModelsFailedError, match=r"has 50001 characters and the model takes 50000|tokens"):
        await models.embed(["x" * 50_001])
    await models.aclose()


def test_one_instance_embeds_in_event_loops_that_come_and_go(bedrock: Side) -> None:
    models = EmbeddingModels(f"{TITAN_1.partition('@')[0]}@{bedrock.server.url}")
    assert [asyncio.run(models.embed(["x"])).dimensions for _ in range(2)] == [1536] * 2
