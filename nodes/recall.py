"""What memory holds that fits the request: looked up once, for both models, and never waited for long."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Final

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from memory import Memory, MemoryStoreError
from memory.records import Hit, Query
from nodes.context import Context
from nodes.cost import Cost
from nodes.ends import StopReason
from nodes.limits import describe, seconds_left
from nodes.recollection import choose
from nodes.remembering import RECALL_S, Remembering
from nodes.turn import Request, Turn, request_of, spending_of
from nodes.wording import archives_of, looked_for, vector_of
from providers.embedding import Embedder

MIN_SCORE: Final = 0.2
"""The least score of what is recalled: less shares hardly a word with the request."""

_NOTES, _EPISODES, _CHUNKS = 12, 4, 8


class Recall:
    """Searches memory for what helps with the request, within a time and a budget of its own."""

    cost: ClassVar[Cost] = Cost(memory_s=RECALL_S)

    def __init__(
        self,
        memory: Memory | None = None,
        choices: Remembering = Remembering(),  # noqa: B008  # it is frozen
        *,
        embedder: Embedder | None = None,
    ) -> None:
        self._memory = memory
        self._choices = choices
        self._embedder = embedder

    async def __call__(self, state: Turn, runtime: Runtime[Context], config: RunnableConfig) -> Turn:
        """Recall; where memory cannot be read in time, the turn goes on without it and says so."""
        request = request_of(state)
        left = seconds_left(request.limits, spending_of(state))
        if left <= 0:
            return Turn(stop_reason=StopReason.DEADLINE, answer=describe("deadline", request.limits))
        wanted = request.memory and request.route != "knowledge" and self._choices.recall_tokens > 0
        if self._memory is None or not wanted:
            return Turn()
        seconds = min(RECALL_S, left)
        try:
            async with asyncio.timeout(seconds):
                hits = await self._search(self._memory, request, seconds)
        except TimeoutError:
            problem = f"memory did not answer within {seconds:g} s"
        except MemoryStoreError as error:
            problem = str(error)
        else:
            thread = config.get("configurable", {}).get("thread_id")
            # What this session said stands in its conversation already.
            fresh = [hit for hit in hits if not _is_of(hit, thread)]
            return Turn(recalled=choose(fresh, self._choices.recall_tokens))
        note = f"Nothing was recalled: {problem}"
        runtime.stream_writer({"note": note})
        return Turn(unrecalled=note)

    async def _search(self, memory: Memory, request: Request, seconds: float) -> list[Hit]:
        """The hits of each kind, so that many of one leave room for the others."""
        text = looked_for(request.text)
        vector, model = await vector_of(self._embedder, text, seconds / 2)
        user = request.user or self._choices.user
        archives = await archives_of(memory, user, request.archives or self._choices.archives)

        def query(most: int) -> Query:
            return Query(text=text, max_results=most, min_score=MIN_SCORE, vector=vector, vector_model=model)

        notes = query(_NOTES).model_copy(update={"kinds": ("fact", "insight", "pattern")})
        episodes = query(_EPISODES).model_copy(update={"kinds": ("episode",)})
        chunks = query(_CHUNKS).model_copy(update={"kinds": ("chunk",), "archives": archives})
        found: Sequence[Sequence[Hit]] = await asyncio.gather(
            *(memory.search(user, each) for each in (notes, episodes, *([chunks] if archives else [])))
        )
        return [hit for hits in found for hit in hits]


def _is_of(hit: Hit, thread: object) -> bool:
    record = hit.item.record
    return record.kind == "episode" and bool(thread) and record.origin.session == thread
