"""The chat model of `scripted:FILE`: an ordinary LangChain model that replays prepared replies."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import ToolCall, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict

from providers.backends.script import Script, ScriptedReply, ScriptedUsage
from providers.labels import STEP, labelled
from providers.protocol import ModelError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.runnables import Runnable, RunnableConfig
    from langchain_core.tools import BaseTool

_PIECE = re.compile(r"\s*\S+|\s+")


class ScriptedChatModel(BaseChatModel):
    """Replays a `Script`, whatever it is asked.

    Attributes:
        script: The replies and the place in them; models that share it take turns.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    script: Script

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": str(self.script.path)}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        **kwargs: Any,  # noqa: ANN401 - the signature of the base class
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Accept tools as any chat model does; the script alone decides which are called."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002 - the signature of the base class
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Iterator[AIMessageChunk]:
        """Stream as any chat model does; the script is told what the answer is for."""
        return super().stream(input, config, stop=stop, **labelled(config, kwargs))

    def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - the signature of the base class
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[AIMessageChunk]:
        """Stream as any chat model does; the script is told what the answer is for."""
        return super().astream(input, config, stop=stop, **labelled(config, kwargs))

    def _generate(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ANN401
    ) -> ChatResult:
        call, reply = self.script.take(kwargs.get(STEP))
        time.sleep(reply.delay_s)
        return self._result(call, reply)

    async def _agenerate(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ANN401
    ) -> ChatResult:
        call, reply = self.script.take(kwargs.get(STEP))
        await asyncio.sleep(reply.delay_s)
        return self._result(call, reply)

    def _stream(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ANN401
    ) -> Iterator[ChatGenerationChunk]:
        call, reply = self.script.take(kwargs.get(STEP))
        time.sleep(reply.delay_s)
        for chunk in self._chunks(call, reply):
            yield ChatGenerationChunk(message=chunk)

    async def _astream(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[ChatGenerationChunk]:
        call, reply = self.script.take(kwargs.get(STEP))
        await asyncio.sleep(reply.delay_s)
        for chunk in self._chunks(call, reply):
            yield ChatGenerationChunk(message=chunk)
            # Without a pause nobody could watch the tokens, or cancel between them.
            await asyncio.sleep(0)

    def _result(self, call: int, reply: ScriptedReply) -> ChatResult:
        chunks = list(self._chunks(call, reply))
        message = chunks[0] + chunks[1:] if chunks else AIMessageChunk(content="")
        whole = AIMessage(
            content=message.content,
            additional_kwargs=message.additional_kwargs,
            tool_calls=_tool_calls(call, reply),
            usage_metadata=message.usage_metadata,
        )
        return ChatResult(generations=[ChatGeneration(message=whole)])

    def _chunks(self, call: int, reply: ScriptedReply) -> Iterator[AIMessageChunk]:
        """Yield the reply in pieces, failing where the script says so."""
        if reply.error == "empty":
            return
        if reply.error not in (None, "cut_stream"):
            raise self._failure(call, reply)
        if reply.reasoning:
            yield AIMessageChunk(content="", additional_kwargs={"reasoning_content": reply.reasoning})
        is_cut = reply.error == "cut_stream"
        text = reply.content[: len(reply.content) // 2] if is_cut else reply.content
        for piece in _PIECE.finditer(
            text
        ):  # one by one: who limits its tokens reads no long reply to its end
            yield AIMessageChunk(content=piece[0])
        if reply.error == "cut_stream":
            if reply.usage:
                yield AIMessageChunk(
                    content="", usage_metadata=_usage(reply.usage), response_metadata=_cost(reply)
                )
            raise self._failure(call, reply)
        yield _last_chunk(call, reply)

    def _failure(self, call: int, reply: ScriptedReply) -> ModelError:
        return ModelError(reply.error or "unknown", f"{self.script.path} plays {reply.error} at call {call}.")


def _tool_calls(call: int, reply: ScriptedReply) -> list[ToolCall]:
    return [
        ToolCall(name=tool.name, args=tool.args, id=tool.id or f"call_{call}_{place}", type="tool_call")
        for place, tool in enumerate(reply.tool_calls, 1)
    ]


def _usage(usage: ScriptedUsage) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
    )


def _cost(reply: ScriptedReply) -> dict[str, float]:
    cost = reply.usage.cost_usd if reply.usage else None
    return {} if cost is None else {"cost_usd": cost}


def _last_chunk(call: int, reply: ScriptedReply) -> AIMessageChunk:
    return AIMessageChunk(
        content="",
        tool_call_chunks=[
            tool_call_chunk(name=tool["name"], args=json.dumps(tool["args"]), id=tool["id"], index=index)
            for index, tool in enumerate(_tool_calls(call, reply))
        ],
        usage_metadata=reply.usage and _usage(reply.usage),
        response_metadata={"finish_reason": "tool_calls" if reply.tool_calls else "stop", **_cost(reply)},
        chunk_position="last",
    )
