"""Stands in front of a chat model, so that what it raises leaves it in our words and without secrets.

LangChain tells callbacks, and with them every tracer, what a chat model raised before we see it: the
exception with its response, whose body may repeat the key that the server was sent. So errors are put into
our words inside of the model's own methods, by which LangChain calls it.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from providers.failover.errors import classify
from providers.log_filter import hide_in_logs
from providers.protocol import ModelConfigError
from providers.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.outputs import ChatGenerationChunk, ChatResult

    from providers.failover.errors import Target


def guard(chat: BaseChatModel, target: Target) -> None:
    """Let a chat model raise nothing but `ModelError` and `ModelConfigError`; cancelling passes through.

    Args:
        chat: The model; its asynchronous calls are guarded, and nothing here makes others.
        target: Who is asked, and which secrets no message may hold.
    """
    stream, generate = chat._astream, chat._agenerate  # noqa: SLF001 - by these names LangChain calls it

    async def guarded_stream(*args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:  # noqa: ANN401
        failure: Exception | None = None
        hide_in_logs(target.secrets)
        try:
            pieces = cast("AsyncGenerator[ChatGenerationChunk, None]", stream(*args, **kwargs))
            async with aclosing(pieces) as answer:
                async for piece in answer:
                    yield piece
        except Exception as error:  # noqa: BLE001 - every one is put into our words
            failure = _in_our_words(error, target)
        # Raised outside the handler: the original holds the request and what the server said.
        if failure is not None:
            raise failure

    async def guarded_generate(*args: Any, **kwargs: Any) -> ChatResult:  # noqa: ANN401
        failure: Exception
        hide_in_logs(target.secrets)
        try:
            return await generate(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - every one is put into our words
            failure = _in_our_words(error, target)
        raise failure

    # Past pydantic, which knows no such field; a class of its own for each model would change its name.
    object.__setattr__(chat, "_astream", guarded_stream)
    object.__setattr__(chat, "_agenerate", guarded_generate)


def _in_our_words(error: Exception, target: Target) -> Exception:
    if isinstance(error, ModelConfigError):
        return ModelConfigError(scrub(str(error), target.secrets))
    return classify(error, target)
