"""Streams one answer under four timeouts, each of which says by name that it struck."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from langchain_core.messages import AIMessage, AIMessageChunk

from providers.protocol import ModelError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig

    from providers.backend import Backend, Timeouts
    from providers.failover.attempt import Attempt
    from providers.manner import Manner


@dataclass(slots=True)
class _Watch:
    """Which timeout is next, in the event loop's time."""

    timeouts: Timeouts
    started: float
    next: Literal["first_token", "stall", "total"] = "total"

    def until(self, *, now: float, begun: bool) -> float:
        """Return when the next timeout strikes if nothing more comes."""
        total = self.started + self.timeouts.total_s
        soon = now + self.timeouts.stall_s if begun else self.started + self.timeouts.first_token_s
        if soon >= total:
            self.next = "total"
            return total
        self.next = "stall" if begun else "first_token"
        return soon

    def error(self) -> ModelError:
        """Say which timeout struck."""
        timeouts = self.timeouts
        message = {
            "first_token": f"no first token within {timeouts.first_token_s:g} s; is the model still loading? "
            "Raise the first-token timeout or use a faster model.",
            "stall": f"the stream stalled for {timeouts.stall_s:g} s in the middle of the answer; try again.",
            "total": f"no complete answer within {timeouts.total_s:g} s; "
            "raise the timeout or use a faster model.",
        }[self.next]
        return ModelError("timeout", message)


async def collect(
    backend: Backend,
    messages: Sequence[BaseMessage],
    config: RunnableConfig,
    attempt: Attempt,
    manner: Manner,
) -> AIMessage:
    """Stream to the end, so that a watching graph sees the tokens, and return the whole message.

    The connect timeout is the backend's own, for only its client sees the connection; the others are ours.

    Raises:
        ModelError: When a timeout struck, nothing came, or more than the attempt may use.
    """
    clock = asyncio.get_running_loop().time
    watch = _Watch(manner.timeouts, started=clock())
    timer = asyncio.timeout_at(watch.until(now=watch.started, begun=False))
    try:
        async with timer:
            options = manner.options(backend, attempt)
            model = manner.model(backend)
            attempt.sent = True
            stream = model.astream(list(messages), config=config, **options)
            return await _read(cast("AsyncGenerator[AIMessage, None]", stream), attempt, watch, timer)
    except TimeoutError:
        if not timer.expired():
            raise  # the backend's own
    # Raised outside the handler: the original may hold the request with its key.
    raise watch.error()


async def _read(
    stream: AsyncGenerator[AIMessage, None], attempt: Attempt, watch: _Watch, timer: asyncio.Timeout
) -> AIMessage:
    clock = asyncio.get_running_loop().time
    async with aclosing(stream) as answer:
        async for chunk in answer:
            now = clock()
            attempt.count(chunk, after_s=now - watch.started)
            if not isinstance(chunk, AIMessageChunk):
                attempt.complete = True
                return chunk
            attempt.check_room()
            attempt.chunks.append(chunk)
            if timer.expired():
                raise watch.error()  # the backend swallowed the cancellation
            timer.reschedule(watch.until(now=now, begun=attempt.first_token_s is not None))
    attempt.complete = True
    if not attempt.chunks:
        raise ModelError("empty", "it answered with nothing; try again or use another model.")
    return attempt.chunks[0] + attempt.chunks[1:]
