"""What an embedding backend is: its limits, and the request that turns texts into vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from providers.failover import estimate
from providers.protocol import ModelError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from providers.backend import ModelSpec, Timeouts, Wiring

    Vector = list[float]

# The estimate counts three bytes a token, which is rather too many; no text must be refused for that.
_SURE_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request gave.

    Attributes:
        vectors: As the server sent them, not yet checked.
        input_tokens: As it counted them, or None.
    """

    vectors: list[Vector]
    input_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What fits into one request; None is not known, then the server tells.

    Attributes:
        texts: Texts of one request.
        request_tokens: Tokens of all its texts.
        text_tokens: Tokens of each text.
        text_characters: Characters of each text.
        dimensions: The length of its vectors.
    """

    texts: int = 64
    request_tokens: int = 250_000
    text_tokens: int | None = None
    text_characters: int | None = None
    dimensions: int | None = None

    def batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """Divide texts into requests, in their order.

        Raises:
            ModelError: `context_overflow` when one of them surely does not fit; nothing was sent then.
        """
        sizes = list(map(tokens_of, texts))
        for number, (text, size) in enumerate(zip(texts, sizes, strict=True), 1):
            self._check(number, len(texts), text, size)
        batch: list[str] = []
        total = 0
        for text, size in zip(texts, sizes, strict=True):
            if batch and (len(batch) == self.texts or total + size > self.request_tokens):
                yield batch
                batch, total = [], 0
            batch.append(text)
            total += size
        if batch:
            yield batch

    def _check(self, number: int, count: int, text: str, size: int) -> None:
        which = f"not asked, text {number} of {count}"
        if self.text_tokens is not None and size * _SURE_SHARE > self.text_tokens:
            raise ModelError(
                "context_overflow",
                f"{which} has about {size} tokens and the model takes {self.text_tokens}; split it.",
            )
        if self.text_characters is not None and len(text) > self.text_characters:
            raise ModelError(
                "context_overflow",
                f"{which} has {len(text)} characters and the model takes {self.text_characters}; split it.",
            )


@dataclass(frozen=True, slots=True)
class EmbeddingBackend:
    """An embedding model that is ready to be asked.

    Attributes:
        embed: Sends one request.
        aclose: Lets go of its connections.
    """

    embed: Callable[[list[str]], Awaitable[Answer]]
    aclose: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingProvider:
    """One kind of embedding backend.

    Attributes:
        check: Raises `ModelConfigError` when the spec cannot embed here; imports nothing heavy.
        build: Makes the backend; may import heavy packages, runs off the event loop.
        limits: Tells what is known of the model.
    """

    check: Callable[[ModelSpec, Wiring], None]
    build: Callable[[ModelSpec, Wiring, Timeouts], EmbeddingBackend]
    limits: Callable[[ModelSpec], Limits]


def tokens_of(text: str) -> int:
    """Estimate the tokens of a text."""
    return estimate.tokens(len(text.encode("utf-8", "surrogatepass")))
