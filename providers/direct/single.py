"""One model outside of any chain: `OnlineModel` and `LocalModel`, which give the same kind of result."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from providers.closing import Closing
from providers.direct.arguments import one_model, to_messages, to_schema, to_tools
from providers.direct.loop_thread import LoopThread
from providers.direct.result import ModelResult
from providers.protocol import ModelConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from providers.answers.structured import Structured, T
    from providers.direct.arguments import Messages
    from providers.models import RoleModels
    from providers.roles import RoleParameters


class _SingleModel(Closing):
    """Asks one model; tries, timeouts and breakers are those of a chain of one."""

    def __init__(self, models: RoleModels) -> None:
        specs = models.specs("reasoning")
        if len(specs) != 1:
            raise ModelConfigError(f"{', '.join(map(str, specs))} are {len(specs)} models; name one.")
        self._models = models
        self._thread = LoopThread()

    async def agenerate(self, messages: Messages, *, tools: Sequence[Any] = ()) -> ModelResult:
        """Ask the model.

        Args:
            messages: A text, or messages in any form that LangChain takes.
            tools: What it may call, in any form that LangChain's `bind_tools` takes.

        Raises:
            ValueError: When the messages or the tools are none.
            ModelsFailedError: When it failed; the message says why.
        """
        asked, offered = to_messages(messages), to_tools(tools)
        reply = self._models.reply("reasoning", asked, step="answer", tools=offered, needs_tools=True)
        return ModelResult.of(await reply)

    async def agenerate_as(self, messages: Messages, schema: type[T]) -> Structured[T]:
        """Ask for an answer in a form; see `RoleModels.reply_as`.

        Raises:
            ValueError: When the messages are none, or the schema is no pydantic model.
            ModelsFailedError: When it failed, declined, or gave no such answer in two questions.
        """
        return await self._models.reply_as("reasoning", to_messages(messages), to_schema(schema))

    def generate(self, messages: Messages, *, tools: Sequence[Any] = ()) -> ModelResult:
        """Ask the model; see `agenerate`."""
        return self._thread.run(self.agenerate(messages, tools=tools))

    def generate_as(self, messages: Messages, schema: type[T]) -> Structured[T]:
        """Ask for an answer in a form; see `agenerate_as`."""
        return self._thread.run(self.agenerate_as(messages, schema))

    async def aclose(self) -> None:
        """Close the connections, and unload a model in this process."""
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Close everything; see `aclose`."""
        self._thread.close(self._models.aclose)


class OnlineModel(_SingleModel):
    """One model behind a server, this machine's own too."""

    def __init__(self, model: str, parameters: RoleParameters | None = None, **options: Any) -> None:  # noqa: ANN401
        """Check the model string; nothing is asked yet.

        Args:
            model: Such as `openai:gpt-5.4`.
            parameters: What it is asked with.
            **options: As `RoleModels` takes them, such as `api_keys`.

        Raises:
            ModelConfigError: When it is wrong, or names a model in this process.
        """
        models = one_model("OnlineModel", model, parameters, options)
        if models.server(models.specs("reasoning")[0]).url is None:
            raise ModelConfigError(f"{model} has no server, it runs in this process; use LocalModel.")
        super().__init__(models)


class LocalModel(_SingleModel):
    """One model on this machine: in this process, or behind a server on loopback. Nothing leaves it."""

    def __init__(self, model: str, parameters: RoleParameters | None = None, **options: Any) -> None:  # noqa: ANN401
        """Check the model string; nothing is asked or loaded yet.

        Args:
            model: Such as `mlx:mlx-community/Qwen3-0.6B-4bit` or `ollama:qwen3:8b`.
            parameters: What it is asked with.
            **options: As `RoleModels` takes them, such as `retries`.

        Raises:
            ModelConfigError: When it is wrong, or its requests would leave this machine.
        """
        if options.get("prefer", "local_only") != "local_only":
            raise ModelConfigError("LocalModel is always local_only; leave prefer out, or use OnlineModel.")
        super().__init__(one_model("LocalModel", model, parameters, options | {"prefer": "local_only"}))
