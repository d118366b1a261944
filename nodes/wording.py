"""What memory is asked for: words, perhaps their vector, and in which archives."""

import asyncio
from collections.abc import Sequence
from typing import Final

from memory import Memory
from providers import ModelsFailedError
from providers.embedding import Embedder

LOOKED_FOR: Final = 2_000
"""The longest text that is looked for, in characters."""


def looked_for(text: str) -> str:
    """What of a request is looked for: its beginning and its end, where the ask stands mostly."""
    if len(text) <= LOOKED_FOR:
        return text
    tail = LOOKED_FOR // 4
    return f"{text[: LOOKED_FOR - tail]}\n{text[-tail:]}"


async def vector_of(embedder: Embedder | None, text: str, seconds: float) -> tuple[tuple[float, ...], str]:
    """A text's vector and what made it; nothing where no model is configured or none answers in time.

    Args:
        embedder: The embedding role, if vectors are wanted.
        text: What is looked for.
        seconds: How long it may take.
    """
    if embedder is None:
        return (), ""
    try:
        async with asyncio.timeout(seconds):
            made = await embedder.embed([text])
    except (ModelsFailedError, TimeoutError):
        return (), ""  # words alone find most of it
    return tuple(made.vectors[0]), made.model


async def archives_of(memory: Memory, user: str, chosen: Sequence[str]) -> tuple[str, ...]:
    """The archives to search: those that were chosen, or all of the user's.

    Raises:
        MemoryStoreError: When memory cannot be read.
    """
    return tuple(chosen) or tuple(await memory.archives(user))
