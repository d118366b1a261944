"""ChatBedrockConverse that can be cancelled, with errors in our words; importing this imports the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_aws import ChatBedrockConverse
from langchain_aws.utils import parse_model_provider
from langchain_core.outputs import ChatResult
from pydantic import PrivateAttr
from typing_extensions import override

from providers.backends.bedrock_client import make_client
from providers.backends.bedrock_errors import translate
from providers.backends.bedrock_names import bare

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk
    from pydantic import SecretStr

    from providers.backend import Timeouts
    from providers.backends.bedrock_names import BedrockName
    from providers.backends.loop_transport import LoopTransport


class LoopChatBedrock(ChatBedrockConverse):
    """Asks Converse; its blocking client sends over the event loop, so that cancelling ends the request."""

    _transport: LoopTransport = PrivateAttr()

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
            failure = translate(error, self.model_id, self.region_name or "")
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
            failure = translate(error, self.model_id, self.region_name or "")
        else:
            return result
        raise failure


def make_chat(
    name: BedrockName, region: str, endpoint: str | None, key: SecretStr | None, timeouts: Timeouts
) -> tuple[ChatBedrockConverse, httpx.AsyncClient]:
    """Make the chat model and the client that holds its connections.

    Args:
        name: What is asked for, and which model is behind it.
        region: Such as `us-east-1`.
        endpoint: Another address than the region's own.
        key: A Bedrock API key; without one the usual AWS credentials are used.
        timeouts: For connecting and for the whole.
    """
    client, transport, pool = make_client(region, endpoint, key, timeouts)
    chat = LoopChatBedrock(
        model_id=name.asked,
        # Without a name of a model behind it the client would ask the control plane.
        provider=parse_model_provider(name.behind) if name.behind else "unknown",
        base_model_id=bare(name.behind) or name.asked,
        region_name=region,
        client=client,
        # The control plane is never asked, so its client need not be a real one.
        bedrock_client=client,
    )
    if not name.behind:
        # The client lets none stream that it does not know, and nearly all do.
        chat.disable_streaming = False
    chat._transport = transport  # noqa: SLF001 - our own
    return chat, pool
