"""One model outside of any chain: `OnlineModel` and `LocalModel`, which give the same kind of result."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage, convert_to_messages

from providers.closing import Closing
from providers.direct.loop_thread import LoopThread
from providers.direct.result import ModelResult
from providers.models import RoleModels
from providers.protocol import ModelConfigError
from providers.roles import RoleParameters

if TYPE_CHECKING:
    from langchain_core.messages import MessageLikeRepresentation

    from providers.answers.structured import Structured, T

    Messages = str | Sequence[MessageLikeRepresentation]


_LONGEST = 80


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
            TypeError: When the messages or tools are no list.
            ValueError: When there are no messages, or something among them is none.
            ModelsFailedError: When it failed; the message says why.
        """
        asked, offered = to_messages(messages), to_tools(tools)
        return ModelResult.of(await self._models.reply("reasoning", asked, step="answer", tools=offered))

    async def agenerate_as(self, messages: Messages, schema: type[T]) -> Structured[T]:
        """Ask for an answer in a form; see `RoleModels.reply_as`.

        Raises:
            ModelsFailedError: When it failed, declined, or gave no such answer in two questions.
        """
        return await self._models.reply_as("reasoning", to_messages(messages), schema)

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
        models = _models(model, parameters, options)
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
        super().__init__(_models(model, parameters, options | {"prefer": "local_only"}))


def to_messages(messages: Messages) -> list[Any]:
    """Bring a text, or whatever LangChain takes as messages, into messages.

    Raises:
        TypeError: When it is neither a text nor a list.
        ValueError: When there are none, or something among them is no message; the sentence names it.
    """
    given = [("user", messages)] if isinstance(messages, str) else messages
    if isinstance(given, BaseMessage) or not isinstance(given, Sequence):
        raise TypeError(f"messages is {_short(messages)}: give a text, or a list of messages.")
    if not given or (isinstance(messages, str) and not messages.strip()):
        raise ValueError("messages is empty: give a text, or at least one message.")
    made = []
    for place, message in enumerate(given):
        try:
            made += convert_to_messages([message])
        except (ValueError, TypeError, KeyError, NotImplementedError):
            raise ValueError(
                f"messages[{place}] is {_short(message)}: give a message of LangChain, or a pair such as "
                "('user', 'a text')."
            ) from None
    return made


def to_tools(tools: Sequence[Any]) -> Sequence[Any]:
    """Check that tools come as a list.

    Raises:
        TypeError: When they do not.
    """
    if isinstance(tools, str) or not isinstance(tools, Sequence):
        raise TypeError(f"tools is {_short(tools)}: give a list of tools.")
    return tools


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _models(model: str, parameters: RoleParameters | None, options: dict[str, Any]) -> RoleModels:
    given: dict[str, Any] = {"parameters": {"reasoning": parameters or RoleParameters()}} | options
    return RoleModels({"reasoning": model}, **given)
