"""ChatOpenAI for servers other than OpenAI; importing this module imports the client.

`langchain-openai` reads only what OpenAI itself sends. Other servers send a model's thinking beside the text,
and some repeat the token counts in every chunk.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Self

from langchain_core.messages.ai import subtract_usage
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import model_validator
from typing_extensions import override

from providers.backends.services import ThinkingBack
from providers.backends.thinking_back import give_back, keep_thinking

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessageChunk
    from langchain_core.messages.ai import UsageMetadata
    from langchain_core.outputs import ChatGenerationChunk, ChatResult


class _Dictionaries:
    """OpenAI's completions, whose chunks come as dictionaries.

    LangChain would make them itself, and pydantic warn on standard error of every field that is not as OpenAI
    sends it, such as Mistral's `content`.
    """

    def __init__(self, completions: Any) -> None:  # noqa: ANN401 - a resource of the client
        self._completions = completions

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the resource has
        return getattr(self._completions, name)

    async def create(self, **payload: Any) -> Any:  # noqa: ANN401 - a stream, or the whole answer
        made = await self._completions.create(**payload)
        return aclosing(_dictionaries(made)) if payload.get("stream") else made


async def _dictionaries(stream: Any) -> AsyncGenerator[dict[str, Any], None]:  # noqa: ANN401 - the client's
    async with stream as chunks:
        async for chunk in chunks:
            yield chunk.model_dump(warnings=False)


class CompatibleChat(BaseChatOpenAI):
    """Asks a server that speaks OpenAI's Chat Completions API, and keeps the thinking that it sends.

    Attributes:
        thinking_back: How the server wants its thinking back, or None when it does not.
    """

    thinking_back: ThinkingBack | None = None

    @model_validator(mode="after")
    def _take_dictionaries(self) -> Self:
        self.async_client = _Dictionaries(self.async_client)
        return self

    @property
    @override
    def _llm_type(self) -> str:
        return "openai-compatible"

    @override
    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        messages = self._convert_input(input_).to_messages()
        payload: dict[str, Any] = super()._get_request_payload(messages, stop=stop, **kwargs)
        give_back(payload["messages"], messages, self.thinking_back)
        return payload

    @override
    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        counted: UsageMetadata | None = None
        async for chunk in super()._astream(*args, **kwargs):
            message: AIMessageChunk = chunk.message  # type: ignore[assignment]
            if usage := message.usage_metadata:
                # Counts are of the whole answer so far, and adding chunks adds them up.
                message.usage_metadata = subtract_usage(usage, counted) if counted else usage
                counted = usage
            yield chunk

    @override
    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        made = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        choices = chunk.get("choices") or ()
        if made is not None and choices:
            keep_thinking(made.message, choices[0].get("delta") or {})
        return made

    @override
    def _create_chat_result(self, response: Any, generation_info: dict[str, Any] | None = None) -> ChatResult:
        result = super()._create_chat_result(response, generation_info)
        raw = response if isinstance(response, dict) else response.model_dump(warnings=False)
        for generation, choice in zip(result.generations, raw.get("choices") or (), strict=False):
            keep_thinking(generation.message, choice.get("message") or {})
        return result
