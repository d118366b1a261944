"""The embedder `offline`: words hashed into vectors, which needs nothing and knows no meaning."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from typing import TYPE_CHECKING, Final

from providers.embedders.embedder import Answer, EmbeddingBackend, Limits

if TYPE_CHECKING:
    from providers.backend import ModelSpec, Timeouts, Wiring
    from providers.embedders.embedder import Vector

OFFLINE_DIMENSIONS: Final = 256

_WORD: Final = re.compile(r"\w+")


def check(_spec: ModelSpec, _wiring: Wiring) -> None:
    """It needs nothing."""


def build(_spec: ModelSpec, _wiring: Wiring, _timeouts: Timeouts) -> EmbeddingBackend:
    """Make the backend."""
    return EmbeddingBackend(_embed)


def limits(_spec: ModelSpec) -> Limits:
    """Tell how long its vectors are; there is no other limit."""
    return Limits(dimensions=OFFLINE_DIMENSIONS)


async def _embed(texts: list[str]) -> Answer:
    return Answer(await asyncio.to_thread(lambda: list(map(hashed, texts))))


def hashed(text: str) -> Vector:
    """Embed a text without any model: its words and their parts of three letters, hashed into a unit vector.

    It is lexical: texts with the same words are near each other, and meaning counts for nothing. The same
    text gives the same vector everywhere. After Weinberger et al., "Feature Hashing", 2009.
    """
    vector = [0.0] * OFFLINE_DIMENSIONS
    for word in _WORD.findall(text.lower()):
        padded = f"<{word}>"
        # A whole word says more than a part of it.
        _add(vector, word, 1.0)
        for start in range(len(padded) - 2):
            _add(vector, f"#{padded[start : start + 3]}", 0.3)
    length = math.sqrt(sum(number * number for number in vector))
    return [number / length for number in vector] if length else vector


def _add(vector: Vector, feature: str, weight: float) -> None:
    digest = hashlib.blake2b(feature.encode("utf-8", "replace"), digest_size=8).digest()
    place = int.from_bytes(digest[:4], "big") % OFFLINE_DIMENSIONS
    vector[place] += weight if digest[4] & 1 else -weight
