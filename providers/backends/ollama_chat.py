"""A chat model on Ollama's native API.

Of the native API because the imitation of OpenAI's under `/v1` ignores `num_ctx`, so that a long conversation
is silently cut to a small default window. See https://docs.ollama.com/api/chat.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field, PrivateAttr
from typing_extensions import override

from providers.backends.ollama_chunks import read_object, to_chunk
from providers.backends.ollama_messages import to_ollama
from providers.failover import estimate
from providers.protocol import ModelError, NoToolsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage, BaseMessage
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool

_OPTIONS = (
    "num_predict", "temperature", "top_p", "top_k", "min_p", "seed",
    "frequency_penalty", "presence_penalty", "repeat_penalty",
)  # fmt: skip
# Room for the answer when nobody limits it.
_ANSWER_TOKENS = 4096
_SMALLEST_WINDOW = 4096
# Less than what is waited for a window before a question: a server that is late is asked without it.
_FACTS_TIMEOUT_S = 1.5
_QUIET_S = 60.0


class OllamaChat(BaseChatModel):
    """Asks one model of an Ollama server.

    Attributes:
        model: Its name there, such as `qwen3:8b`.
        client: The pool, with the server's address; whoever made it closes it.
        keep_alive: How long the model stays loaded after a call, such as `10m`; None leaves it to the server.
    """

    model: str
    client: httpx.AsyncClient = Field(exclude=True, repr=False)
    keep_alive: str | int | None = None

    model_config = ConfigDict(arbitrary_types_allowed=True)

    _asked: bool = PrivateAttr(default=False)
    _window: int | None = PrivateAttr(default=None)
    _loaded: int = PrivateAttr(default=0)
    # The loop's time before which a server that did not say in time is not asked again.
    _quiet_until: float = PrivateAttr(default=0.0)

    @property
    @override
    def _llm_type(self) -> str:
        return "ollama"

    @property
    @override
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "base_url": str(self.client.base_url)}

    async def window(self) -> int | None:
        """Ask the server for the largest context window of the model, in tokens; it is asked only once.

        Returns:
            The window, or None when the server does not say, or not in time; it is asked again later then.

        Raises:
            ModelError: When the server is down or has not got the model.
        """
        now = asyncio.get_running_loop().time()
        if not self._asked and now >= self._quiet_until:
            try:
                async with asyncio.timeout(_FACTS_TIMEOUT_S):
                    await self._learn()
            except (TimeoutError, httpx.TimeoutException):
                self._quiet_until = now + _QUIET_S
            except httpx.HTTPStatusError as refused:
                # Servers that only imitate the chat have no such question; one that is busy is asked again.
                self._asked = not refused.response.is_server_error
        return self._window

    async def _learn(self) -> None:
        shown = await self._ask("POST", "/api/show", {"model": self.model})
        facts = shown.get("model_info") or {}
        named = facts.get(f"{facts.get('general.architecture')}.context_length")
        self._window = named if isinstance(named, int) and named > 0 else None
        self._loaded = max(_num_ctx(shown.get("parameters")), await self._running())
        self._asked = True

    async def _running(self) -> int:
        """The window that the model is loaded with; asking for a smaller one would load it again."""
        try:
            running = (await self._ask("GET", "/api/ps")).get("models") or []
        except httpx.HTTPStatusError:
            return 0
        names = (self.model, f"{self.model}:latest")
        return next((row.get("context_length") or 0 for row in running if row.get("name") in names), 0)

    async def _num_ctx_for(self, messages: Sequence[BaseMessage], extra: dict[str, Any]) -> int | None:
        """Give the window that was set, or that this conversation needs.

        What it needs is doubled in steps, because each new size loads the model.
        """
        if extra.get("num_ctx"):
            return int(extra["num_ctx"])
        window = await self.window()
        if window is None:
            return None
        needed = estimate.input_tokens(messages) + (extra.get("num_predict") or _ANSWER_TOKENS)
        needed += estimate.tokens(len(json.dumps(extra.get("tools") or "")))
        size = _SMALLEST_WINDOW
        while size < needed:
            size *= 2
        self._loaded = min(window, max(size, self._loaded))
        return self._loaded

    async def _payload(
        self, messages: list[BaseMessage], stop: list[str] | None, arguments: dict[str, Any]
    ) -> dict[str, Any]:
        options = {name: arguments[name] for name in _OPTIONS if arguments.get(name) is not None}
        options |= {"stop": stop} if stop else {}
        if (num_ctx := await self._num_ctx_for(messages, arguments)) is not None:
            options["num_ctx"] = num_ctx
        named = ("tools", "format", "think", "keep_alive")
        return {
            "model": self.model,
            "messages": [to_ollama(message) for message in messages],
            "stream": True,
            "options": options,
            # Rather an error than an answer to half of the conversation; older servers ignore both.
            "truncate": False,
            "shift": False,
            **({"keep_alive": self.keep_alive} if self.keep_alive is not None else {}),
            **{name: arguments[name] for name in named if arguments.get(name) is not None},
        }

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        payload = await self._payload(messages, stop, kwargs)
        tools = 0
        try:
            async with self.client.stream("POST", "/api/chat", json=payload) as response:
                await self._check(response)
                async for line in response.aiter_lines():
                    if not line.strip():
                        continue
                    piece = read_object(line)
                    if error := piece.get("error"):
                        raise self._refusal(500, str(error))
                    chunk = to_chunk(piece, self.model, tools)
                    tools += len(chunk.tool_call_chunks)
                    made = ChatGenerationChunk(message=chunk)
                    if run_manager:
                        await run_manager.on_llm_new_token(made.text, chunk=made)
                    yield made
        except httpx.ConnectError:
            raise self._down() from None

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chunks = [chunk async for chunk in self._astream(messages, stop, run_manager, **kwargs)]
        return generate_from_stream(iter(chunks))

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        del messages, stop, run_manager, kwargs
        raise NotImplementedError("OllamaChat is asynchronous only: use ainvoke or astream.")

    @override
    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools to the model; Ollama has no way to force one, so `tool_choice` is not sent."""
        del tool_choice
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = await self.client.request(method, path, json=body)
        except httpx.ConnectError:
            raise self._down() from None
        await self._check(response)
        return read_object(response.text)

    async def _check(self, response: httpx.Response) -> None:
        if not response.is_error:
            return
        try:
            words = str(json.loads(await response.aread()).get("error") or "")
        except (ValueError, AttributeError):
            words = ""
        raise self._refusal(response.status_code, words, response)

    def _refusal(self, status: int, words: str, response: httpx.Response | None = None) -> Exception:
        if status == httpx.codes.NOT_FOUND and "model" in words:
            return ModelError(
                "not_found", f"Ollama has not got {self.model!r}; run: ollama pull {self.model}"
            )
        if "does not support tools" in words:
            words = f"{self.model} takes no tools; choose a model with tools in Ollama."
            return NoToolsError(words, status=status)
        if response is None:
            return ModelError("overloaded", f"Ollama broke off: {words}")
        return httpx.HTTPStatusError(words, request=response.request, response=response)

    def _down(self) -> ModelError:
        at = str(self.client.base_url).rstrip("/")
        return ModelError(
            "connection",
            f"cannot connect to Ollama at {at}; start it with `ollama serve`, or name its address.",
        )


def _num_ctx(parameters: object) -> int:
    """Read the window that a model's own file sets, from lines such as `num_ctx 8192`."""
    for line in str(parameters or "").splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "num_ctx" and value.strip().isdigit():
            return int(value)
    return 0
