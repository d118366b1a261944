"""A LangChain chat model over any runner."""

from __future__ import annotations

import asyncio
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict

from providers.backend import Sampling
from providers.protocol import ModelConfigError, ModelError
from providers.runners.messages import template_messages
from providers.runners.protocol import End, Piece, Request

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool

_SAMPLING = tuple(field.name for field in fields(Sampling))
_ELSE = ("max_tokens", "seed", "json_schema", "thinking", "tools", "must_call")


class RunnerChatModel(BaseChatModel):
    """Asks a runner; calls and `bind` take `max_tokens`, `seed`, `json_schema`, `thinking` and `Sampling`'s.

    Attributes:
        runner: A `providers.runners.Runner`; it loads the model at the first call.
        model: What the runner loads.
        provider: What `response_metadata` names as the provider.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())

    runner: Any
    model: str
    provider: str = "runner"

    @property
    def _llm_type(self) -> str:
        return f"runner-{self.provider}"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "provider": self.provider}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401 - the signature of the base class
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools; a runner with `forces_tools` can be made to call one.

        Args:
            tools: In any form that LangChain takes.
            tool_choice: `auto`, `none`, `any`, or the name of a tool, also as a dictionary of OpenAI's.
            **kwargs: Arguments of the calls.

        Raises:
            ModelConfigError: When `tool_choice` names no tool, or the runner cannot enforce it.
        """
        offered = [] if tool_choice == "none" else [convert_to_openai_tool(tool) for tool in tools]
        names = tuple(str(tool["function"]["name"]) for tool in offered)
        must_call = _wanted(tool_choice, names)
        if must_call and not getattr(self.runner, "forces_tools", False):
            raise ModelConfigError(
                f"tool_choice={tool_choice!r} cannot be enforced by {self.provider}; "
                "leave it out, or bind json_schema instead."
            )
        return self.bind(tools=offered, must_call=must_call, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ANN401
    ) -> ChatResult:
        # A thread of its own has no running loop, whoever calls us from wherever.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(self._agenerate(messages, stop, None, **kwargs))).result()

    # Without this one a cancelled task would leave a thread generating.
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> ChatResult:
        stream = self._astream(messages, stop, run_manager, **kwargs)
        async with aclosing(cast("AsyncGenerator[ChatGenerationChunk, None]", stream)) as answer:
            chunks = [cast("AIMessageChunk", chunk.message) async for chunk in answer]
        whole = chunks[0] + chunks[1:]
        message = AIMessage(
            content=whole.content,
            additional_kwargs=whole.additional_kwargs,
            response_metadata=whole.response_metadata,
            tool_calls=whole.tool_calls,
            usage_metadata=whole.usage_metadata,
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[ChatGenerationChunk]:
        request = _request(messages, stop, kwargs)
        loaded = await self.runner.load(self.model)
        if request.tools and not loaded.tools:
            raise ModelError("unknown", f"{self.model} cannot call tools; choose a model that can.")
        if request.json_schema is not None and not loaded.json_schema:
            raise ModelError("unknown", f"{self.model} cannot be held to a schema here; ask in words.")
        calls = 0
        async with aclosing(self.runner.generate(request)) as answer:
            async for piece in answer:
                message = self._end(piece) if isinstance(piece, End) else _chunk(piece, calls)
                calls += len(message.tool_call_chunks)
                chunk = ChatGenerationChunk(message=message)
                if run_manager is not None:
                    await run_manager.on_llm_new_token(str(message.content), chunk=chunk)
                yield chunk

    def _end(self, end: End) -> AIMessageChunk:
        return AIMessageChunk(
            content="",
            usage_metadata=UsageMetadata(
                input_tokens=end.input_tokens,
                output_tokens=end.output_tokens,
                total_tokens=end.input_tokens + end.output_tokens,
                input_token_details=InputTokenDetails(cache_read=end.cached_tokens),
                output_token_details=OutputTokenDetails(reasoning=end.reasoning_tokens),
            ),
            response_metadata={
                "finish_reason": end.finish_reason,
                "model_name": self.model,
                "model_provider": self.provider,
            },
            chunk_position="last",
        )


def _wanted(choice: str | bool | dict[str, Any] | None, names: tuple[str, ...]) -> tuple[str, ...]:  # noqa: FBT001
    """Read `tool_choice` in all the ways that LangChain's clients write it."""
    if choice in (None, False, "auto", "none"):
        return ()
    if choice in (True, "any", "required"):
        return names
    name = choice.get("function", choice).get("name") if isinstance(choice, dict) else choice
    if name not in names:
        raise ModelConfigError(f"tool_choice={choice!r} is none of the tools {', '.join(names) or '(none)'}.")
    return (str(name),)


def _request(messages: Sequence[BaseMessage], stop: list[str] | None, options: dict[str, Any]) -> Request:
    """Read the arguments of one call; names that LangChain adds for itself are none of ours."""
    foreign = [name for name in options if name not in (*_SAMPLING, *_ELSE) and not name.startswith("ls_")]
    if foreign:
        raise ModelConfigError(
            f"A local runner takes no argument {foreign[0]!r}; known: {', '.join((*_SAMPLING, *_ELSE))}."
        )
    return Request(
        messages=template_messages(messages),
        tools=tuple(options.get("tools") or ()),
        must_call=tuple(options.get("must_call") or ()),
        max_tokens=options.get("max_tokens"),
        sampling=Sampling(**{name: options[name] for name in _SAMPLING if name in options}),
        seed=options.get("seed"),
        stop=tuple(text for text in stop or () if text),
        json_schema=options.get("json_schema"),
        thinking=options.get("thinking"),
    )


def _chunk(piece: Piece, calls: int) -> AIMessageChunk:
    return AIMessageChunk(
        content=piece.text,
        additional_kwargs={"reasoning_content": piece.reasoning} if piece.reasoning else {},
        tool_call_chunks=[
            tool_call_chunk(
                name=call.name,
                args=json.dumps(call.arguments, ensure_ascii=False),
                id=call.id or f"call_{uuid.uuid4().hex[:12]}",
                index=index,
            )
            for index, call in enumerate(piece.tool_calls, calls)
        ],
    )
