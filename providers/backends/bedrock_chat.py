"""ChatBedrockConverse that can be cancelled, with errors in our words; importing this imports the client."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any

import boto3
import httpx
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from langchain_aws import ChatBedrockConverse
from langchain_aws.utils import create_aws_client, parse_model_provider
from langchain_core.outputs import ChatResult
from pydantic import PrivateAttr
from typing_extensions import override

from providers.backends.bedrock import PREFIXES
from providers.backends.bedrock_errors import translate
from providers.backends.loop_transport import LoopTransport, RawBody
from providers.backends.wire import wire_options
from providers.log_filter import hide_in_logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from botocore.awsrequest import AWSPreparedRequest
    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk
    from pydantic import SecretStr

    from providers.backend import Timeouts


class LoopChatBedrock(ChatBedrockConverse):
    """Asks Converse; its blocking client sends over the event loop, so that cancelling ends the request."""

    _transport: LoopTransport = PrivateAttr()
    # The credentials that requests were signed with, from wherever they came; no message may hold them.
    _secrets: set[str] = PrivateAttr(default_factory=set)

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        failure: Exception | None = None
        try:
            async for chunk in self._transport.pieces(lambda: self._stream(messages, stop, **kwargs)):
                if run_manager:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
        except Exception as error:  # noqa: BLE001 - every one is looked at
            failure = translate(error, self.model_id, self.region_name or "", self._secrets)
        # Raised outside the handler: the original holds the request.
        if failure is not None:
            raise failure

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        failure: Exception
        result = ChatResult(generations=[])
        try:
            async for found in self._transport.pieces(lambda: [self._generate(messages, stop, **kwargs)]):
                result = found
        except Exception as error:  # noqa: BLE001 - every one is looked at
            failure = translate(error, self.model_id, self.region_name or "", self._secrets)
        else:
            return result
        raise failure


def make_chat(
    model: str, region: str, endpoint: str | None, key: SecretStr | None, timeouts: Timeouts
) -> tuple[ChatBedrockConverse, Callable[[], Awaitable[None]]]:
    """Make the chat model and what closes its connections.

    Args:
        model: A model or inference profile id, or an ARN.
        region: Such as `us-east-1`.
        endpoint: Another address than the region's own.
        key: A Bedrock API key; without one the usual AWS credentials are used.
        timeouts: For connecting and for the whole.
    """
    bundle = os.environ.get("AWS_CA_BUNDLE")
    pool = httpx.AsyncClient(
        # A connection that ends with its call cannot outlive the event loop it belongs to.
        headers={"Connection": "close", "Accept-Encoding": "identity"},
        timeout=httpx.Timeout(timeouts.total_s, connect=min(timeouts.connect_s, timeouts.total_s)),
        verify=ssl.create_default_context(cafile=bundle) if bundle else True,
        **wire_options(endpoint or "https://bedrock", "frames"),
    )
    transport = LoopTransport(pool)
    options: dict[str, Any] = {
        "service_name": "bedrock-runtime",
        "region_name": region,
        "endpoint_url": endpoint,
        "config": Config(retries={"total_max_attempts": 1, "mode": "standard"}),
    }
    # Each with a session of its own: boto3's default one keeps the first credentials for the whole process.
    session, secrets = boto3.Session(), set[str]()
    client = create_aws_client(**options, api_key=key) if key else session.client(**options)
    credentials = None if key else session.get_credentials()

    def send(request: AWSPreparedRequest, **_event: Any) -> AWSResponse | None:  # noqa: ANN401
        headers = [(str(name), _text(value)) for name, value in request.headers.items()]
        if credentials is not None:
            secrets.update(filter(None, credentials.get_frozen_credentials()[:3]))
            hide_in_logs(secrets)
        body = request.body.encode() if isinstance(request.body, str) else bytes(request.body or b"")
        answer = transport.send(request.method, request.url, headers, body)
        if answer is None:
            return None
        head, parts = answer
        return AWSResponse(request.url, head.status, head.headers, RawBody(parts))

    # botocore takes an answer from whoever handles this event, and then sends nothing itself.
    client.meta.events.register("before-send.bedrock-runtime", send)
    named = model.rpartition("/")[2] if model.startswith("arn:") else model
    chat = LoopChatBedrock(
        model_id=model,
        provider=parse_model_provider(named),
        base_model_id=named.partition(".")[2] if named.partition(".")[0] in PREFIXES else named,
        region_name=region,
        client=client,
        # The control plane is never asked, so its client need not be a real one.
        bedrock_client=client,
    )
    chat._transport, chat._secrets = transport, secrets  # noqa: SLF001 - our own
    return chat, pool.aclose


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
