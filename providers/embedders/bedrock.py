"""Embedders on Amazon Bedrock: Titan's and Cohere's text models, through `InvokeModel`.

See https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html.
"""

from __future__ import annotations

import json
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from providers.backends import bedrock
from providers.backends.bedrock_names import bare, read_name
from providers.embedders.embedder import Answer, EmbeddingBackend, Limits
from providers.protocol import ModelConfigError
from providers.registry import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from providers.backend import ModelSpec, Timeouts, Wiring

_KNOWN: Final = MappingProxyType(
    {
        "amazon.titan-embed-text-v2:0": Limits(1, text_tokens=8192, text_characters=50_000, dimensions=1024),
        "amazon.titan-embed-text-v1": Limits(1, text_tokens=8192, text_characters=50_000, dimensions=1536),
        "cohere.embed-english-v3": Limits(96, text_characters=2048, dimensions=1024),
        "cohere.embed-multilingual-v3": Limits(96, text_characters=2048, dimensions=1024),
        "cohere.embed-v4:0": Limits(96, text_tokens=128_000, dimensions=1536),
    }
)
_TOKENS: Final = "x-amzn-bedrock-input-token-count"


def check(spec: ModelSpec, wiring: Wiring) -> None:
    """Refuse what cannot work, without importing the client.

    Raises:
        ModelConfigError: When the model is no embedding model, or the package or the region is missing.
    """
    if _name(spec) not in _KNOWN:
        raise ModelConfigError(f"{spec} cannot embed here; on Bedrock use one of {', '.join(_KNOWN)}.")
    bedrock.check(spec, wiring)


def limits(spec: ModelSpec) -> Limits:
    """Tell what AWS documents of the model."""
    return _KNOWN[_name(spec)]


def build(spec: ModelSpec, wiring: Wiring, timeouts: Timeouts) -> EmbeddingBackend:
    """Make the backend with a connection pool of its own; imports the client, so call it off the loop."""
    from providers.backends.bedrock_client import make_client  # noqa: PLC0415 - heavy
    from providers.backends.bedrock_errors import translate  # noqa: PLC0415 - heavy

    region = bedrock.region(spec)[0]
    endpoint = spec.base_url if "://" in (spec.base_url or "") else None
    key = PROVIDERS["bedrock"].server(spec, wiring).key
    client, transport, pool = make_client(region, endpoint, key, timeouts, keeps_open=False)
    is_titan = _name(spec).startswith("amazon.")

    def invoke(texts: list[str]) -> Answer:
        body = {"inputText": texts[0]} if is_titan else {"texts": texts, "input_type": "search_document"}
        said = client.invoke_model(
            modelId=read_name(spec.model).asked, body=json.dumps(body), accept="application/json"
        )
        counted = said["ResponseMetadata"]["HTTPHeaders"].get(_TOKENS)
        read = _titan if is_titan else _cohere
        return read(json.loads(said["body"].read()), int(counted) if counted else None)

    async def embed(texts: list[str]) -> Answer:
        failure: Exception
        answer = Answer([])
        try:
            async for found in transport.pieces(partial(_once, invoke, texts)):
                answer = found
        except Exception as error:  # noqa: BLE001 - every one is looked at
            failure = translate(error, spec.model, region)
        else:
            return answer
        # Raised outside the handler: the original holds the request.
        raise failure

    return EmbeddingBackend(embed, pool.aclose)


def _once(invoke: Callable[[list[str]], Answer], texts: list[str]) -> list[Answer]:
    return [invoke(texts)]


def _name(spec: ModelSpec) -> str:
    """The model's own id, without the account and region of an ARN, and without a profile's prefix."""
    return bare(read_name(spec.model).behind)


def _titan(answer: dict[str, Any], counted: int | None) -> Answer:
    return Answer([answer["embedding"]], answer.get("inputTextTokenCount", counted))


def _cohere(answer: dict[str, Any], counted: int | None) -> Answer:
    found = answer["embeddings"]
    return Answer(found["float"] if isinstance(found, dict) else found, counted)
