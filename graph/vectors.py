"""Vectors for what memory holds: texts without one go to the embedding role, a batch at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from memory import MemoryStoreError
from providers import ModelsFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memory import Memory
    from memory.records import Item
    from providers.embedding import Embedded, EmbeddingModels

BATCH: Final = 64
"""Texts of one request."""

MAX_CHARS: Final = 2000
"""So much of a text makes its vector: some 500 tokens, which most embedding models take."""


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
    models: EmbeddingModels,
    *,
    most: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Filled:
    """Give vectors to the records that have none; what is done is kept when it is cancelled or fails.

    Args:
        memory: Where they are.
        namespace: Whose.
        models: The embedding role.
        most: How many records at most, the newest first; all of them when left out.
        progress: Told how many have got one so far, after each batch.

    Returns:
        How far it came. It never raises for a model or a memory that fails: a search goes on by words.
    """
    filling = _Filling(memory, namespace, models)
    while most is None or filling.count < most:
        wanted = BATCH if most is None else min(BATCH, most - filling.count)
        try:
            if not await filling.step(wanted):
                break
        except (ModelsFailedError, MemoryStoreError) as error:
            return Filled(filling.count, filling.made_by, f"Some records have no vector yet: {error}")
        progress(filling.count)
    return Filled(filling.count, filling.made_by)


class _Filling:
    """One run over a namespace."""

    def __init__(self, memory: Memory, namespace: str, models: EmbeddingModels) -> None:
        self._memory = memory
        self._namespace = namespace
        self._models = models
        # Vectors are compared with those of one model alone: of the first, or of the backup that answers.
        self._model = str(models.specs[0])
        self._before: list[str] = []
        self.count = 0
        self.made_by = ""

    async def step(self, wanted: int) -> bool:
        """Do one batch; False when nothing is left.

        Raises:
            ModelsFailedError: When no model answers.
            MemoryStoreError: When memory does not.
        """
        items = await self._memory.without_vector(self._namespace, self._model, limit=wanted)
        ids = [item.id for item in items]
        # The same again means that its vectors were not kept: without end, if nobody noticed.
        if not items or ids == self._before:
            return False
        self._before = ids
        answer = await self._models.embed([_text(item) for item in items])
        if answer.model != self._model:
            self._model, self._before = answer.model, []
        await self._keep(items, answer)
        return True

    async def _keep(self, items: Sequence[Item], answer: Embedded) -> None:
        vectors = {item.id: list(vector) for item, vector in zip(items, answer.vectors, strict=True)}
        await self._memory.set_vectors(self._namespace, answer.model, vectors)
        self.count += len(vectors)
        self.made_by = answer.model


def _text(item: Item) -> str:
    """What of a record is turned into its vector."""
    record = item.record
    return "\n".join(part for part in (record.subject, record.text) if part)[:MAX_CHARS]
