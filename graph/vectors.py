"""Vectors for what memory holds: texts without one go to the embedding role, a batch at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from memory.protocol import MemoryStoreError
from providers.protocol import ModelsFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memory.protocol import Memory
    from memory.records import Item
    from providers.embedding import Embedder

BATCH: Final = 64
"""Texts of one request."""

MAX_CHARS: Final = 2000
"""So much of a text makes its vector: some 500 tokens, which most embedding models take."""

_ENOUGH_REFUSED = 3
"""When so many texts are refused and none was taken, the model takes none at all."""

_OF_TEXT: Final = frozenset({"context_overflow", "malformed", "refusal"})


@dataclass(frozen=True, slots=True)
class Filled:
    """What came of it.

    Attributes:
        count: How many records got a vector.
        model: The model that made the last of them; empty when none was made.
        problem: Why the rest has none, in one sentence; else empty.
    """

    count: int = 0
    model: str = ""
    problem: str = ""


async def fill_vectors(
    memory: Memory,
    namespace: str,
    embedder: Embedder,
    *,
    most: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Filled:
    """Give vectors to the records that have none; what is done is kept when it is cancelled or fails.

    Args:
        memory: Where they are.
        namespace: Whose.
        embedder: The embedding role.
        most: How many records at most, the newest first; all of them when left out.
        progress: Told how many have got one so far, after each batch.

    Returns:
        How far it came. It never raises for a model or a memory that fails: a search goes on by words.
    """
    filling = _Filling(memory, namespace, embedder)
    while most is None or filling.count < most:
        wanted = BATCH if most is None else min(BATCH, most - filling.count)
        try:
            if not await filling.step(wanted):
                break
        except (ModelsFailedError, MemoryStoreError) as error:
            return Filled(filling.count, filling.made_by, f"Some records have no vector yet: {error}")
        progress(filling.count)
    return Filled(filling.count, filling.made_by, filling.problem)


class _Filling:
    """One run over a namespace."""

    def __init__(self, memory: Memory, namespace: str, embedder: Embedder) -> None:
        self._memory = memory
        self._namespace = namespace
        self._embedder = embedder
        self._model = ""
        self._done: set[str] = set()
        self._refused: set[str] = set()
        self.count = 0
        self.made_by = ""
        self.problem = ""

    async def step(self, wanted: int) -> bool:
        """Do one batch; False when nothing is left.

        Raises:
            ModelsFailedError: When no model answers.
            MemoryStoreError: When memory does not.
        """
        if not self._model:
            # Vectors are compared with those of one model alone: of the first, or of the backup that answers.
            self._model = (await self._embedder.embed([])).model
        limit = wanted + len(self._refused)
        there = await self._memory.without_vector(self._namespace, self._model, limit=limit)
        # One that comes again was not kept: it would come without end, if nobody noticed.
        items = [item for item in there if item.id not in self._refused | self._done][:wanted]
        if not items:
            return False
        try:
            await self._embed(items, MAX_CHARS)
        except ModelsFailedError as error:
            if not _is_of_text(error):
                raise
            await self._one_by_one(items)
        return True

    async def _one_by_one(self, items: Sequence[Item]) -> None:
        """Find the text that the model does not take; it must not keep the others from their vectors.

        Raises:
            ModelsFailedError: When it takes none of the first ones.
        """
        failures = []
        for number, item in enumerate(items, 1):
            try:
                await self._embed([item], MAX_CHARS // 4)
            except ModelsFailedError as error:
                if not _is_of_text(error):
                    raise
                failures.append(error)
                self._refused.add(item.id)
                if number == len(failures) == min(_ENOUGH_REFUSED, len(items)):
                    raise
        if failures:
            self.problem = f"{len(self._refused)} records have no vector, for no model takes their text."

    async def _embed(self, items: Sequence[Item], most_chars: int) -> None:
        answer = await self._embedder.embed([_text(item)[:most_chars] for item in items])
        vectors = {item.id: list(vector) for item, vector in zip(items, answer.vectors, strict=True)}
        await self._memory.set_vectors(self._namespace, answer.model, vectors)
        if answer.model != self._model:
            self._model, self._done = answer.model, set()
        self._done |= vectors.keys()
        self.count += len(vectors)
        self.made_by = answer.model


def _is_of_text(error: ModelsFailedError) -> bool:
    """Whether a text is at fault, and no server; what was not sent at all was too long."""
    return not error.calls or error.calls[-1].error in _OF_TEXT


def _text(item: Item) -> str:
    """What of a record is turned into its vector."""
    record = item.record
    return "\n".join(part for part in (record.subject, record.text) if part)
